package channel

import (
	"crypto/hmac"
	"errors"
	"io"
	"sync"
	"time"

	"clauderon.dev/guest/internal/frame"
)

// Client keeps one channel: the first carrier begins it, each further one takes it over; when it is over, the next begins another.
type Client struct {
	serve   Serve
	onLost  func()
	mu      sync.Mutex
	channel *Channel
	// Of the channel that runs.
	id, key string
	attempt io.Closer
	isReady *sync.Cond
	// A carrier has been there since the channel began.
	hasBegun bool
}

// NewClient makes an end that says nothing before its first Attach.
func NewClient(serve Serve, onLost func()) *Client {
	c := &Client{serve: serve, onLost: onLost}
	c.isReady = sync.NewCond(&c.mu)
	return c
}

// Open makes a stream to the proxy; false when no carrier came for so long.
func (c *Client) Open(patience time.Duration) (*Stream, error) {
	deadline := time.Now().Add(patience)
	timer := time.AfterFunc(patience, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.isReady.Broadcast()
	})
	defer timer.Stop()
	c.mu.Lock()
	for !c.hasBegun {
		if !time.Now().Before(deadline) {
			c.mu.Unlock()
			return nil, errors.New("no carrier leads to the proxy")
		}
		c.isReady.Wait()
	}
	channel := c.current()
	c.mu.Unlock()
	return channel.Open()
}

func (c *Client) current() *Channel {
	if c.channel == nil {
		c.channel = newChannel(c.serve, c.onLost, c.forget)
	}
	return c.channel
}

func (c *Client) forget(ended *Channel) {
	c.mu.Lock()
	if c.channel == ended {
		c.channel = nil
		c.id, c.key = "", ""
		c.hasBegun = false
	}
	c.mu.Unlock()
	c.onLost()
}

// Attach speaks on a byte stream that leads to the hub. It returns when the handshake is done.
func (c *Client) Attach(conn io.ReadWriteCloser) error {
	c.mu.Lock()
	channel := c.current()
	// Without a word: the hub may have welcomed it, and would take a failure for the end of the channel.
	if c.attempt != nil {
		c.attempt.Close()
	}
	c.attempt = conn
	id, key := c.id, c.key
	c.mu.Unlock()
	deadline := time.AfterFunc(defaultHandshake, func() { conn.Close() })
	defer deadline.Stop()
	position := channel.detach()
	to := newCarrier(conn, &channel.mu)
	about, err := greet(to, id, key, position)
	c.mu.Lock()
	defer c.mu.Unlock()
	isLatest := c.attempt == conn
	if isLatest {
		c.attempt = nil
	}
	channel.mu.Lock()
	defer channel.mu.Unlock()
	if err == nil && (!isLatest || c.channel != channel || channel.isEnded || !deadline.Stop()) {
		err = errors.New("the channel has ended or another carrier has come")
	}
	if err == nil && id == "" {
		if about.channel == "" || about.key == "" {
			err = violated("The welcome names no channel")
		} else {
			c.id, c.key = about.channel, about.key
		}
	}
	if err != nil {
		conn.Close()
		var fault *Fault
		if errors.As(err, &fault) && fault.Code == codeUnknown {
			channel.end(lost(fault.Message), Reason{})
		}
		return err
	}
	if err := channel.attach(to, about); err != nil {
		return err
	}
	c.hasBegun = true
	c.isReady.Broadcast()
	return nil
}

// greet proves both ends to each other where the channel exists already.
func greet(over *carrier, id, key string, position uint64) (welcome, error) {
	hello := map[string]any{"protocols": []int{protocolVersion}, "nonce": newNonce()}
	if id != "" {
		hello["channel"] = id
	}
	if err := over.tell(frame.EncodeJSON(frameHello, 0, hello)); err != nil {
		return welcome{}, err
	}
	if id != "" {
		payload, err := over.expect(frameChallenge)
		if err != nil {
			return welcome{}, err
		}
		hubNonce, proof, err := parseChallenge(payload)
		if err != nil {
			return welcome{}, err
		}
		clientNonce, _ := hello["nonce"].(string)
		if !hmac.Equal([]byte(proof), []byte(Proof(key, sideHub, id, clientNonce, hubNonce))) {
			return welcome{}, &Fault{Code: codeRefused, Message: "The hub does not know the channel's key"}
		}
		answer := map[string]any{"proof": Proof(key, sideClient, id, clientNonce, hubNonce), "position": position}
		if err := over.tell(frame.EncodeJSON(frameProof, 0, answer)); err != nil {
			return welcome{}, err
		}
	}
	payload, err := over.expect(frameWelcome)
	if err != nil {
		return welcome{}, err
	}
	return parseWelcome(payload)
}

func (c *carrier) tell(bytes []byte) error {
	_, err := c.conn.Write(bytes)
	return err
}

func (c *carrier) expect(kind byte) ([]byte, error) {
	got, err := frame.Read(c.reader, handshakeFrameBytes)
	if err != nil {
		return nil, err
	}
	if got.Type == kind {
		return got.Payload, nil
	}
	if got.Type != frameFailure {
		return nil, violated("A frame of type %d came where one of type %d has to", got.Type, kind)
	}
	reason, err := parseReason(got.Payload)
	if err != nil {
		return nil, err
	}
	return nil, &Fault{Code: reason.Code, Message: reason.Message}
}
