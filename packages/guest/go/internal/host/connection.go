package host

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"clauderon.dev/guest/internal/frame"
	"clauderon.dev/guest/internal/ring"
)

const (
	// Written in one go.
	batchBytes = 256 * 1024
	farewell   = time.Second
)

// stream is what a request opened. Its methods are called under the host's lock.
type stream interface {
	input(bytes []byte) error
	inputEnd()
	credit(source byte, bytes int)
	pause(isPaused bool)
	// The connection can take more.
	flush()
	// The client has let go of it, or is gone.
	cancel()
}

// connection is one client's socket: frames in, frames out, and no more memory than the limits allow.
type connection struct {
	host    *Host
	conn    net.Conn
	reader  *bufio.Reader
	streams map[uint32]stream
	// Of the host's lock.
	changed *sync.Cond
	queue   [][]byte
	queued  int
	// Nothing is read or sent any more; what is queued still goes.
	isEnding bool
	isClosed bool
	// The connection becomes a carrier when what is queued has gone.
	isLeaving   bool
	isHandedOff chan struct{}
}

func (h *Host) accept(conn net.Conn) {
	c := &connection{
		host: h, conn: conn, reader: bufio.NewReaderSize(conn, 16*1024), streams: map[uint32]stream{},
		changed: sync.NewCond(&h.mu), isHandedOff: make(chan struct{}),
	}
	h.mu.Lock()
	h.connections[c] = true
	h.mu.Unlock()
	go c.write()
	conn.SetReadDeadline(time.Now().Add(time.Duration(limits.HandshakeMs) * time.Millisecond))
	err := c.greet()
	h.mu.Lock()
	h.strangers--
	h.mu.Unlock()
	if err == nil {
		conn.SetReadDeadline(time.Time{})
		err = c.serve()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.isLeaving {
		return
	}
	if failure, ok := err.(*Failure); ok {
		c.refuse(failure)
		return
	}
	c.close()
}

// serve routes frames until the connection is of no use any more.
func (c *connection) serve() error {
	for {
		got, err := c.read(limits.FrameBytes)
		if err != nil {
			return err
		}
		c.host.mu.Lock()
		// A client that asks and does not read its answers is not read either.
		for c.isCongested() && !c.isEnding {
			c.changed.Wait()
		}
		if !c.isEnding {
			err = c.route(got)
		} else {
			err = net.ErrClosed
		}
		isLeaving := c.isLeaving
		c.host.mu.Unlock()
		if err != nil {
			return err
		}
		if isLeaving {
			<-c.isHandedOff
			return c.handOver()
		}
	}
}

// handOver waits for the byte by which the client says that it takes what comes for a carrier's.
func (c *connection) handOver() error {
	c.conn.SetReadDeadline(time.Now().Add(time.Duration(limits.HandshakeMs) * time.Millisecond))
	if _, err := c.reader.ReadByte(); err != nil {
		c.conn.Close()
		return nil
	}
	c.conn.SetReadDeadline(time.Time{})
	c.host.options.Carry(&handedOver{Conn: c.conn, reader: c.reader})
	return nil
}

func (c *connection) read(limit int) (frame.Frame, error) {
	got, err := frame.Read(c.reader, uint32(limit))
	var length *frame.LengthError
	switch {
	case errors.As(err, &length) && length.Length < frame.CountedHeadBytes:
		return got, refused(length.Error())
	case errors.As(err, &length):
		return got, Refuse("request.too-large", length.Error())
	}
	return got, err
}

func (c *connection) isCongested() bool { return c.queued > limits.SocketBacklogBytes }

func (c *connection) send(kind byte, id uint32, message any) {
	c.enqueue(frame.EncodeJSON(kind, id, message))
}

func (c *connection) sendCredit(id uint32, bytes int) {
	payload := make([]byte, 5)
	binary.BigEndian.PutUint32(payload[1:], uint32(bytes))
	c.enqueue(frame.Encode(frameCredit, id, payload))
}

func (c *connection) sendOutput(id uint32, slice ring.Slice, flags byte) {
	head := make([]byte, 10, 10)
	head[0], head[1] = slice.Source, flags
	binary.BigEndian.PutUint64(head[2:], slice.Sequence)
	parts := append([][]byte{head}, slice.Parts...)
	c.enqueue(frame.Encode(frameOutput, id, parts...))
}

func (c *connection) enqueue(bytes []byte) {
	if c.isEnding || c.isLeaving {
		return
	}
	c.queue = append(c.queue, bytes)
	c.queued += len(bytes)
	c.changed.Broadcast()
}

// refuse tells the client what it did wrong and hangs up.
func (c *connection) refuse(failure *Failure) {
	c.send(frameFailure, 0, failure)
	c.leaveStreams()
	c.changed.Broadcast()
	time.AfterFunc(farewell, func() { c.conn.Close() })
}

func (c *connection) close() {
	c.leaveStreams()
	c.queue, c.queued = nil, 0
	c.changed.Broadcast()
	c.conn.Close()
}

func (c *connection) leaveStreams() {
	if c.isEnding {
		return
	}
	c.isEnding = true
	for _, one := range c.streams {
		one.cancel()
	}
	clear(c.streams)
	delete(c.host.connections, c)
}

func (c *connection) write() {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		for len(c.queue) == 0 && !c.isEnding && !c.isLeaving {
			c.changed.Wait()
		}
		if len(c.queue) == 0 {
			if c.isLeaving {
				close(c.isHandedOff)
			} else {
				c.conn.Close()
			}
			return
		}
		var batch net.Buffers
		bytes := 0
		for len(c.queue) > 0 && bytes < batchBytes {
			batch = append(batch, c.queue[0])
			bytes += len(c.queue[0])
			c.queue[0] = nil
			c.queue = c.queue[1:]
		}
		h.mu.Unlock()
		_, err := batch.WriteTo(c.conn)
		h.mu.Lock()
		wasCongested := c.isCongested()
		c.queued = max(0, c.queued-bytes)
		if err != nil {
			c.close()
			return
		}
		if wasCongested && !c.isCongested() {
			c.changed.Broadcast()
		}
		if wasCongested || len(c.queue) == 0 {
			for _, one := range c.streams {
				one.flush()
			}
		}
	}
}

// handedOver is a connection whose next bytes may have been read already.
type handedOver struct {
	net.Conn
	reader *bufio.Reader
}

func (h *handedOver) Read(into []byte) (int, error) { return h.reader.Read(into) }
