package channel

import (
	"errors"
	"io"
	"sync"

	"clauderon.dev/guest/internal/frame"
)

// errClosed is the error of a stream that this end broke off.
var errClosed = errors.New("the stream was closed")

// Stream is one stream of a channel. Its fields are of the channel's lock.
type Stream struct {
	id      uint32
	channel *Channel
	changed *sync.Cond
	inbox   [][]byte
	// What the other end may still send.
	allowance int
	taken     int
	// What this end may still send.
	credit  int
	writing []byte
	extra   int
	// Each direction ends by itself.
	hasSentEnd, hasReceivedEnd bool
	// The other end takes nothing more and has to be told nothing more.
	isAbandoned bool
	isAccepted  bool
	isWaiting   bool
	failure     error
}

func newStream(channel *Channel, id uint32) *Stream {
	return &Stream{id: id, channel: channel, changed: sync.NewCond(&channel.mu), allowance: windowBytes, credit: windowBytes}
}

// Read implements io.Reader; a stream that was broken off is an error, never an end.
func (s *Stream) Read(into []byte) (int, error) {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	for len(s.inbox) == 0 && !s.hasReceivedEnd && s.failure == nil {
		s.changed.Wait()
	}
	if s.failure != nil {
		return 0, s.failure
	}
	if len(s.inbox) == 0 {
		return 0, io.EOF
	}
	count := copy(into, s.inbox[0])
	if count == len(s.inbox[0]) {
		s.inbox[0] = nil
		s.inbox = s.inbox[1:]
	} else {
		s.inbox[0] = s.inbox[0][count:]
	}
	s.grant(count)
	return count, nil
}

// Write returns when the bytes are on their way, which without a carrier they are not.
func (s *Stream) Write(bytes []byte) (int, error) {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	if s.hasSentEnd {
		return 0, errClosed
	}
	s.writing = bytes
	s.channel.want(s)
	for len(s.writing) > 0 && s.failure == nil && !s.isAbandoned {
		s.changed.Wait()
	}
	s.writing = nil
	if s.failure != nil {
		return 0, s.failure
	}
	return len(bytes), nil
}

// CloseWrite ends this direction.
func (s *Stream) CloseWrite() {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	if s.hasSentEnd || s.failure != nil {
		return
	}
	s.hasSentEnd = true
	if !s.isAbandoned {
		s.channel.send(frame.Encode(frameEnd, s.id))
	}
	s.forgetWhenOver()
}

// Reset breaks off what has not ended.
func (s *Stream) Reset(reason Reason) {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	s.reset(reason, errClosed)
}

// Close breaks off what has not ended, as nobody is interested any more.
func (s *Stream) Close() {
	s.Reset(Reason{Code: codeStreamCancelled, Message: "The stream was broken off"})
}

// Accept tells the other end that its stream is taken.
func (s *Stream) Accept() {
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	if s.failure == nil {
		s.channel.grantExtra(s)
	}
}

func (s *Stream) reset(reason Reason, err error) {
	if s.failure != nil {
		return
	}
	if !s.isAbandoned && !(s.hasSentEnd && s.hasReceivedEnd) {
		s.isAbandoned = true
		s.channel.send(frame.EncodeJSON(frameReset, s.id, reason))
	}
	s.fail(err)
}

func (s *Stream) fail(err error) {
	if s.failure != nil {
		return
	}
	s.failure = err
	s.inbox = nil
	s.channel.forget(s)
	s.changed.Broadcast()
}

// abandon: the other end is gone from this stream. What it had ended cleanly is still read to its end; anything else breaks off.
func (s *Stream) abandon(err error) {
	s.isAbandoned = true
	if !s.hasReceivedEnd {
		s.fail(err)
		return
	}
	s.channel.forget(s)
	s.changed.Broadcast()
}

func (s *Stream) receiveData(payload []byte) error {
	switch {
	case s.hasReceivedEnd:
		return violated("Data came after the end of its stream")
	case len(payload) == 0:
		return violated("A frame of data is empty")
	case len(payload) > s.allowance:
		return violated("More came on a stream than was granted")
	}
	s.allowance -= len(payload)
	last := len(s.inbox) - 1
	// Small pieces that wait are put together, as each costs more than its bytes.
	if last >= 0 && len(s.inbox[last])+len(payload) <= 4096 {
		s.inbox[last] = append(s.inbox[last], payload...)
	} else {
		s.inbox = append(s.inbox, payload)
	}
	s.changed.Broadcast()
	return nil
}

func (s *Stream) receiveEnd() error {
	if s.hasReceivedEnd {
		return violated("A stream ended twice")
	}
	s.hasReceivedEnd = true
	s.changed.Broadcast()
	s.forgetWhenOver()
	return nil
}

func (s *Stream) receiveWindow(bytes uint32) error {
	s.credit += int(bytes)
	if s.credit > largestCreditedBytes {
		return violated("A stream was granted too much")
	}
	s.isAccepted = true
	if len(s.writing) > 0 {
		s.channel.want(s)
	}
	return nil
}

// takeFrame gives the next data frame, as large as the other end allows.
func (s *Stream) takeFrame() []byte {
	size := min(len(s.writing), s.credit, sentPayloadBytes)
	if size == 0 {
		return nil
	}
	out := frame.Encode(frameData, s.id, s.writing[:size])
	s.writing = s.writing[size:]
	s.credit -= size
	if len(s.writing) == 0 {
		s.changed.Broadcast()
	}
	return out
}

func (s *Stream) grant(bytes int) {
	s.taken += bytes
	if s.taken < grantBytes || s.hasReceivedEnd || s.isAbandoned {
		return
	}
	s.allowance += s.taken
	s.channel.send(encodeU32(frameWindow, s.id, uint32(s.taken)))
	s.taken = 0
}

func (s *Stream) forgetWhenOver() {
	if s.hasSentEnd && s.hasReceivedEnd {
		s.channel.forget(s)
	}
}
