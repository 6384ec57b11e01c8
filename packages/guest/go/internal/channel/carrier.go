package channel

import (
	"bufio"
	"io"
	"net"
	"sync"
	"time"

	"clauderon.dev/guest/internal/frame"
)

// carrier is one byte stream to the hub. Of its channel's lock, but for the handshake.
type carrier struct {
	conn    io.ReadWriteCloser
	reader  *bufio.Reader
	changed *sync.Cond
	queue   [][]byte
	waiting int
	isGone  bool
	// What is queued still goes, then the carrier is closed.
	isLeaving  bool
	quietTicks int
	watch      *time.Timer
}

func newCarrier(conn io.ReadWriteCloser, lock sync.Locker) *carrier {
	return &carrier{conn: conn, reader: bufio.NewReaderSize(conn, 64*1024), changed: sync.NewCond(lock)}
}

func (c *carrier) isReady() bool { return !c.isGone && c.waiting < carrierReadyBytes }

// enqueue tells whether the carrier is still of use.
func (c *carrier) enqueue(bytes []byte) bool {
	if c.isGone || c.isLeaving {
		return false
	}
	c.queue = append(c.queue, bytes)
	c.waiting += len(bytes)
	c.changed.Broadcast()
	return c.waiting <= carrierWaitingBytes
}

func (c *carrier) drop() {
	if c.isGone {
		return
	}
	c.isGone = true
	c.queue = nil
	if c.watch != nil {
		c.watch.Stop()
	}
	c.changed.Broadcast()
	go c.conn.Close()
}

// fail says why, and hangs up.
func (c *carrier) fail(reason Reason) {
	if c.isGone {
		return
	}
	c.enqueue(frame.EncodeJSON(frameFailure, 0, reason))
	c.isLeaving = true
	c.changed.Broadcast()
	time.AfterFunc(farewell, func() { c.conn.Close() })
}

// write sends what is queued until the carrier is gone; each time some of it went, sent is called under the lock.
func (c *carrier) write(sent func()) {
	lock := c.changed.L
	lock.Lock()
	defer lock.Unlock()
	for {
		for len(c.queue) == 0 && !c.isGone && !c.isLeaving {
			c.changed.Wait()
		}
		if c.isGone || len(c.queue) == 0 {
			go c.conn.Close()
			return
		}
		batch := net.Buffers(c.queue)
		bytes := c.waiting
		c.queue = nil
		lock.Unlock()
		_, err := batch.WriteTo(c.conn)
		lock.Lock()
		c.waiting -= bytes
		if err != nil {
			// The reader learns it, too, and tells the channel.
			go c.conn.Close()
			return
		}
		sent()
	}
}
