package channel

import (
	"errors"

	"clauderon.dev/guest/internal/frame"
)

// receive takes a frame that came after the welcome. Called under the lock.
func (c *Channel) receive(got frame.Frame) {
	err := c.take(got)
	var fault *Fault
	if errors.As(err, &fault) {
		c.violated(fault)
	}
}

func (c *Channel) take(got frame.Frame) error {
	if got.Type >= firstCounted {
		return c.takeCounted(got)
	}
	switch got.Type {
	case frameAck:
		position, err := parseU64(got.Payload)
		if err != nil {
			return err
		}
		if err := c.log.acknowledge(position); err != nil {
			return err
		}
		c.pump()
	case framePing:
		c.acknowledge()
	case frameFailure:
		reason, err := parseReason(got.Payload)
		if err != nil {
			return err
		}
		c.end(lost("the other end ended it: "+reason.Message), Reason{})
	default:
		return violated("A frame of type %d has no place here", got.Type)
	}
	return nil
}

func (c *Channel) takeCounted(got frame.Frame) error {
	c.received += uint64(frame.HeadBytes + len(got.Payload))
	var err error
	if got.Type == frameOpen {
		err = c.takeOpen(got)
	} else {
		err = c.takeOfStream(got)
	}
	if err == nil && c.received-c.acknowledged >= ackBytes {
		c.acknowledge()
	}
	return err
}

func (c *Channel) takeOfStream(got frame.Frame) error {
	isKnown := got.ID > 0 && got.ID < c.nextID
	if isOfPeer(got.ID) {
		isKnown = got.ID <= c.lastPeerID
	}
	if !isKnown {
		return violated("No stream %d was opened", got.ID)
	}
	if got.Type > frameReset {
		return violated("There are no frames of type %d", got.Type)
	}
	// A stream that is over on this side may still be meant by what is on its way.
	s := c.streams[got.ID]
	if s == nil {
		return nil
	}
	switch got.Type {
	case frameData:
		return s.receiveData(got.Payload)
	case frameEnd:
		return s.receiveEnd()
	case frameWindow:
		bytes, err := parseU32(got.Payload)
		if err != nil {
			return err
		}
		return s.receiveWindow(bytes)
	default:
		reason, err := parseReason(got.Payload)
		if err != nil {
			return err
		}
		s.abandon(errors.New("the other end broke the stream off: " + reason.Message))
	}
	return nil
}

func (c *Channel) takeOpen(got frame.Frame) error {
	if !isOfPeer(got.ID) || got.ID <= c.lastPeerID {
		return violated("Stream %d cannot be opened by this end", got.ID)
	}
	port, err := parsePort(got.Payload)
	if err != nil {
		return err
	}
	c.lastPeerID = got.ID
	if c.peerStreams >= streamsAtMost {
		c.send(frame.EncodeJSON(frameReset, got.ID, Reason{Code: codeStreamLimit, Message: "256 streams are open"}))
		return nil
	}
	s := newStream(c, got.ID)
	c.streams[s.id] = s
	c.peerStreams++
	go func() {
		if err := c.serve(s, port); err != nil {
			s.Reset(Reason{Code: codeStreamRefused, Message: err.Error()})
		}
	}()
	return nil
}
