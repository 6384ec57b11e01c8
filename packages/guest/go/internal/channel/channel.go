package channel

import (
	"fmt"
	"sync"
	"time"

	"clauderon.dev/guest/internal/frame"
)

// Serve takes a stream that the hub opened to a port of this sandbox; an error refuses it.
type Serve func(stream *Stream, port int) error

// Channel is this end of a channel: its streams, what was sent and not yet acknowledged, and how far it has received.
type Channel struct {
	mu      sync.Mutex
	serve   Serve
	onLost  func()
	onEnd   func(*Channel)
	resume  time.Duration
	ping    time.Duration
	log     sendLog
	streams map[uint32]*Stream
	// Those with data to send, in the order of their turns.
	waiting      []*Stream
	carrier      *carrier
	received     uint64
	acknowledged uint64
	nextID       uint32
	lastPeerID   uint32
	peerStreams  int
	extra        int
	timer        *time.Timer
	isEnded      bool
	isPumping    bool
}

func newChannel(serve Serve, onLost func(), onEnd func(*Channel)) *Channel {
	return &Channel{serve: serve, onLost: onLost, onEnd: onEnd, resume: defaultResume, ping: defaultPing, streams: map[uint32]*Stream{}, nextID: 1}
}

// Open makes a stream to the proxy; what is written waits while there is no carrier.
func (c *Channel) Open() (*Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isEnded {
		return nil, lost("it has ended")
	}
	if len(c.streams)-c.peerStreams >= streamsAtMost {
		return nil, fmt.Errorf("the channel has %d streams open", streamsAtMost)
	}
	if c.nextID == lastID {
		return nil, lost("it has opened as many streams as a channel can")
	}
	s := newStream(c, c.nextID)
	c.nextID += 2
	c.streams[s.id] = s
	c.send(frame.Encode(frameOpen, s.id, []byte(targetProxy)))
	c.grantExtra(s)
	return s, nil
}

// detach lets go of the carrier, so that the position stays what it is.
func (c *Channel) detach() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveCarrier()
	return c.received
}

func (c *Channel) leaveCarrier() {
	if c.carrier == nil {
		return
	}
	c.carrier.drop()
	c.carrier = nil
	c.startTimer()
}

// attach goes on over a carrier whose handshake is done. Called under the lock.
func (c *Channel) attach(to *carrier, about welcome) error {
	c.leaveCarrier()
	if err := c.log.acknowledge(about.position); err != nil {
		to.fail(Reason{Code: codeViolation, Message: err.Error()})
		c.end(lost(err.Error()), Reason{})
		go to.write(func() {})
		return err
	}
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if about.resume > 0 {
		c.resume = about.resume
	}
	c.carrier = to
	c.acknowledged = c.received
	for _, one := range c.log.frames {
		to.enqueue(one.frame)
	}
	go to.write(c.pump)
	go c.read(to)
	c.keepAlive(to)
	c.pump()
	return nil
}

func (c *Channel) read(from *carrier) {
	for {
		got, err := frame.Read(from.reader, payloadBytes+frame.CountedHeadBytes)
		c.mu.Lock()
		if c.carrier != from {
			c.mu.Unlock()
			return
		}
		if err != nil {
			c.lose(from)
			c.mu.Unlock()
			return
		}
		from.quietTicks = 0
		c.receive(got)
		c.mu.Unlock()
	}
}

func (c *Channel) keepAlive(over *carrier) {
	over.watch = time.AfterFunc(c.ping, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.carrier != over {
			return
		}
		over.quietTicks++
		if over.quietTicks > quietTicksAtMost {
			c.lose(over)
			return
		}
		over.enqueue(frame.Encode(framePing, 0))
		over.watch.Reset(c.ping)
	})
}

func (c *Channel) lose(one *carrier) {
	if c.carrier != one {
		return
	}
	c.leaveCarrier()
	if !c.isEnded {
		go c.onLost()
	}
}

// end ends everything: streams end with the error, and the other end is told, where it can be.
func (c *Channel) end(err error, reason Reason) {
	if c.isEnded {
		return
	}
	c.isEnded = true
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.carrier != nil && reason.Code != "" {
		c.carrier.fail(reason)
	} else if c.carrier != nil {
		c.carrier.drop()
	}
	c.carrier = nil
	c.log = sendLog{}
	c.waiting = nil
	for _, one := range c.streams {
		one.abandon(err)
	}
	go c.onEnd(c)
}

func (c *Channel) send(bytes []byte) {
	if c.isEnded {
		return
	}
	c.log.append(bytes)
	if c.carrier != nil && !c.carrier.enqueue(bytes) {
		c.lose(c.carrier)
	}
	if c.log.unacknowledged() > unacknowledgedMost {
		c.violated(violated("The other end acknowledges nothing"))
	}
}

func (c *Channel) want(s *Stream) {
	if !s.isWaiting {
		s.isWaiting = true
		c.waiting = append(c.waiting, s)
	}
	c.pump()
}

func (c *Channel) forget(s *Stream) {
	if c.streams[s.id] != s {
		return
	}
	delete(c.streams, s.id)
	c.extra -= s.extra
	if isOfPeer(s.id) {
		c.peerStreams--
	}
}

func (c *Channel) startTimer() {
	if c.isEnded {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(c.resume, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.timer == timer {
			c.end(lost(fmt.Sprintf("its carrier was lost and none came back within %s", c.resume)), Reason{})
		}
	})
	c.timer = timer
}

// pump lets streams take turns, frame by frame, while the carrier takes more. Called under the lock.
func (c *Channel) pump() {
	if c.isPumping {
		return
	}
	c.isPumping = true
	defer func() { c.isPumping = false }()
	for len(c.waiting) > 0 && c.carrier != nil && c.carrier.isReady() && c.log.unacknowledged() < unacknowledgedBytes {
		s := c.waiting[0]
		c.waiting[0] = nil
		c.waiting = c.waiting[1:]
		s.isWaiting = false
		if s.isAbandoned || s.failure != nil {
			continue
		}
		bytes := s.takeFrame()
		if bytes == nil {
			continue
		}
		c.send(bytes)
		if len(s.writing) > 0 && s.credit > 0 && !s.isWaiting {
			s.isWaiting = true
			c.waiting = append(c.waiting, s)
		}
	}
}

func (c *Channel) grantExtra(s *Stream) {
	s.extra = min(extraWindowBytes, extraWindowsBytes-c.extra)
	c.extra += s.extra
	s.allowance += s.extra
	c.send(encodeU32(frameWindow, s.id, uint32(s.extra)))
}

func (c *Channel) acknowledge() {
	c.acknowledged = c.received
	if c.carrier != nil && !c.carrier.enqueue(encodeU64(frameAck, 0, c.received)) {
		c.lose(c.carrier)
	}
}

func (c *Channel) violated(fault *Fault) {
	c.end(lost(fault.Message), Reason{Code: fault.Code, Message: fault.Message})
}

func isOfPeer(id uint32) bool { return id%2 == peerIsEven && id > 0 }

func lost(why string) error { return fmt.Errorf("the channel of the sandbox has ended: %s", why) }
