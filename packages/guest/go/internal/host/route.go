package host

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"clauderon.dev/guest/internal/frame"
	"clauderon.dev/guest/internal/ring"
)

// route is called under the host's lock; an error ends the connection.
func (c *connection) route(got frame.Frame) error {
	if got.Type == frameRequest {
		return c.request(got)
	}
	// Both ends may end a stream at once: what crosses its end is dropped.
	one := c.streams[got.ID]
	switch got.Type {
	case frameInput:
		if one != nil {
			return one.input(got.Payload)
		}
	case frameInputEnd:
		if one != nil {
			one.inputEnd()
		}
	case frameCredit:
		source, bytes, err := ParseCredit(got.Payload)
		if err != nil {
			return err
		}
		if one != nil {
			one.credit(source, bytes)
		}
	case framePause:
		if len(got.Payload) != 1 {
			return refused("A pause frame has 1 byte")
		}
		if one != nil {
			one.pause(got.Payload[0] == 1)
		}
	case frameCancel:
		delete(c.streams, got.ID)
		if one != nil {
			one.cancel()
		}
	default:
		return refused(fmt.Sprintf("There is no frame type %d", got.Type))
	}
	return nil
}

// ParseCredit reads the payload of a credit frame from a client.
func ParseCredit(payload []byte) (source byte, bytes int, err error) {
	if len(payload) != 5 {
		return 0, 0, refused("A credit frame has 5 bytes")
	}
	source = payload[0]
	if source != ring.Stdout && source != ring.Stderr {
		return 0, 0, refused(fmt.Sprintf("There is no source %d", source))
	}
	return source, int(binary.BigEndian.Uint32(payload[1:])), nil
}

// ParseRequest reads the payload of a request.
func ParseRequest(payload []byte) (method string, parameters Parameters, err error) {
	message, err := frame.Object(payload)
	if err != nil {
		return "", nil, refused(err.Error())
	}
	parameters = Parameters{}
	if raw, ok := message["parameters"]; ok {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil || object == nil {
			return "", nil, refused("Parameters are an object")
		}
		parameters = object
	}
	if !Parameters(message).read("method", &method) {
		return "", nil, refused("A request names a method")
	}
	return method, parameters, nil
}

// call is one request under way.
type call struct {
	c          *connection
	id         uint32
	parameters Parameters
}

func (c *connection) request(got frame.Frame) error {
	method, parameters, err := ParseRequest(got.Payload)
	if err != nil {
		return err
	}
	if _, isUsed := c.streams[got.ID]; isUsed || got.ID == 0 {
		return refused(fmt.Sprintf("The id %d is in use", got.ID))
	}
	one := &call{c: c, id: got.ID, parameters: parameters}
	run, ok := methods[method]
	switch {
	case ok:
		one.settle(run(c.host, one))
	case c.host.options.Methods[method] != nil:
		one.settle(one.runOutside(c.host.options.Methods[method]))
	default:
		one.settle(nil, refused("There is no method "+method))
	}
	return nil
}

// answered says that the response is sent, or will be.
var answered = &struct{ int }{}

func (one *call) settle(result any, err error) {
	switch {
	case err != nil:
		one.fail(err)
	case result != answered:
		one.respond(result)
	}
}

func (one *call) respond(result any) { one.c.send(frameResponse, one.id, result) }

func (one *call) fail(err error) {
	delete(one.c.streams, one.id)
	one.c.send(frameFailure, one.id, failureOf(err))
}

func (one *call) addStream(s stream) error {
	if len(one.c.streams) >= limits.StreamsPerConnection {
		return refused("Too many streams on one connection")
	}
	one.c.streams[one.id] = s
	return nil
}

// outside runs without the lock; the request can be taken back meanwhile.
func (one *call) outside(run func(given <-chan struct{}) (any, error)) (any, error) {
	waiting := &waitingRequest{given: make(chan struct{})}
	if err := one.addStream(waiting); err != nil {
		return nil, err
	}
	go func() {
		result, err := run(waiting.given)
		one.c.host.mu.Lock()
		defer one.c.host.mu.Unlock()
		if waiting.isGiven || one.c.isEnding {
			return
		}
		delete(one.c.streams, one.id)
		one.settle(result, err)
	}()
	return answered, nil
}

func (one *call) runOutside(method Method) (any, error) {
	return one.outside(func(given <-chan struct{}) (any, error) { return method(one.parameters, given) })
}

// waitingRequest can only be taken back.
type waitingRequest struct {
	given   chan struct{}
	isGiven bool
}

func (w *waitingRequest) input([]byte) error { return nil }
func (w *waitingRequest) inputEnd()          {}
func (w *waitingRequest) credit(byte, int)   {}
func (w *waitingRequest) pause(bool)         {}
func (w *waitingRequest) flush()             {}
func (w *waitingRequest) cancel() {
	w.isGiven = true
	close(w.given)
}
