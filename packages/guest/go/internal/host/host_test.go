package host

import (
	"sync"
	"testing"

	"clauderon.dev/guest/internal/frame"
	"clauderon.dev/guest/internal/inputs"
)

func request(id uint32, method, parameters string) []byte {
	return frame.Encode(frameRequest, id, []byte(`{"method":"`+method+`","parameters":`+parameters+`}`))
}

var seeds = [][]byte{
	request(1, "host.info", `{}`),
	request(2, "sandbox.open", `{"sandboxId":"a","instanceId":"i","name":"n","cwd":"/","environment":{"PATH":"/none"}}`),
	append(request(3, "agent.attach", `{"sandboxId":"s","since":0,"credit":10,"size":{"columns":80,"rows":24}}`), frame.Encode(frameCredit, 3, []byte{1, 0, 0, 1, 0})...),
	append(request(4, "agent.wait", `{"sandboxId":"s"}`), frame.Encode(frameCancel, 4)...),
	append(request(5, "sandbox.exec", `{"sandboxId":"s","argv":["none","a"],"stdin":"pipe","timeoutMs":5}`), frame.Encode(frameInput, 5, []byte("in"))...),
	request(6, "agent.start", `{"sandboxId":"s","launchId":"l","argv":["none"],"mode":"terminal"}`),
	append(request(7, "stream.resize", `{"stream":3,"sandboxId":"s","size":{"columns":1,"rows":1}}`), frame.Encode(framePause, 3, []byte{1})...),
	request(8, "stream.signal", `{"stream":3,"signal":"SIGTERM"}`),
	request(9, "sandbox.inspect", `{"sandboxId":"s"}`),
	append(frame.Encode(frameInputEnd, 1), frame.Encode(0x7f, 1)...),
}

// A connection that has proved the key and says anything: it is answered or ended, never more.
func check(t *testing.T, input []byte) {
	h := New(Options{Log: func(string) {}, Processes: noProcesses{}})
	c := &connection{host: h, conn: nowhere{}, streams: map[uint32]stream{}, isHandedOff: make(chan struct{})}
	c.changed = sync.NewCond(&h.mu)
	h.sandboxes["s"] = newSandbox(h, sandboxStatus{SandboxID: "s", InstanceID: "i", Name: "s", Cwd: "/nowhere", State: "running"}, map[string]string{})
	from := &reader{bytes: input}
	for frames := 0; frames < 50; frames++ {
		got, err := frame.Read(from, uint32(limits.FrameBytes))
		if err != nil {
			break
		}
		h.mu.Lock()
		err = c.route(got)
		if failure, ok := err.(*Failure); err != nil && (!ok || failure.Code == "" || failure.Message == "") {
			t.Errorf("%q gave %v", input, err)
		}
		if len(c.streams) > limits.StreamsPerConnection {
			t.Errorf("%d streams are open", len(c.streams))
		}
		c.queue, c.queued = nil, 0
		h.mu.Unlock()
		if err != nil {
			break
		}
	}
	h.mu.Lock()
	c.leaveStreams()
	h.mu.Unlock()
}

func TestConnectionOfHostileClient(t *testing.T) {
	inputs.Each(t, seeds, func(input []byte) { check(t, input) })
}

func FuzzConnection(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(check)
}

func TestHelloOfHostileClient(t *testing.T) {
	nonce := `"` + "ab" + `"`
	greetings := [][]byte{[]byte(`{"protocols":[1],"nonce":` + nonce + `}`), []byte(`{"protocols":[1,2,"x"],"nonce":"` + string(make([]byte, 64)) + `"}`), []byte(`[]`), []byte(`null`)}
	inputs.Each(t, greetings, func(input []byte) {
		message, err := frame.Object(input)
		if err != nil {
			return
		}
		if given, err := readHello(message); err == nil && !isHex(given, nonceBytes) {
			t.Errorf("%q gave the nonce %q", input, given)
		}
	})
}
