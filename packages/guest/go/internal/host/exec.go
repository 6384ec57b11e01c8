package host

import (
	"sync"
	"syscall"
	"time"

	"clauderon.dev/guest/internal/process"
	"clauderon.dev/guest/internal/ring"
)

type outlet struct {
	credit   int
	sequence uint64
	queue    [][]byte
}

// exec is a process that a client started in a sandbox; it goes on without the client. Of the host's lock.
type exec struct {
	c          *connection
	id         uint32
	outlets    map[byte]*outlet
	process    *process.Process
	isTerminal bool
	exit       *process.Exit
	isOrphan   bool
	isTimedOut bool
	// Its process is gone.
	isOver    bool
	timer     *time.Timer
	unwritten int
	taken     *sync.Cond
	// Called once, at the end.
	onEnd func()
}

func newExec(c *connection, id uint32, credit int) *exec {
	return &exec{
		c: c, id: id, taken: sync.NewCond(&c.host.mu), onEnd: func() {},
		outlets: map[byte]*outlet{ring.Stdout: {credit: credit}, ring.Stderr: {credit: credit}},
	}
}

func (e *exec) started(p *process.Process, timeout *time.Duration) {
	e.process = p
	if timeout == nil {
		return
	}
	e.timer = time.AfterFunc(*timeout, func() {
		e.c.host.mu.Lock()
		defer e.c.host.mu.Unlock()
		if !e.isOver {
			e.isTimedOut = true
			e.signal(syscall.SIGKILL)
		}
	})
}

// For a program that cannot be run: the reason on stderr, and the exit code shells use.
func (e *exec) notRunnable(exitCode int, reason string) {
	e.outlets[ring.Stderr].queue = [][]byte{[]byte("clauderon: " + reason + "\n")}
	e.exit = &process.Exit{ExitCode: exitCode}
	e.flush()
}

// Output implements process.Owner.
func (e *exec) Output(source byte, bytes []byte) {
	e.c.host.mu.Lock()
	defer e.c.host.mu.Unlock()
	if e.isOrphan {
		return
	}
	from := e.outlets[source]
	from.queue = append(from.queue, append([]byte(nil), bytes...))
	e.flushSource(source)
	for len(from.queue) > 0 && !e.isOrphan && !(e.isOver && e.isTerminal) {
		e.taken.Wait()
	}
}

// Ended implements process.Owner.
func (e *exec) Ended() {
	e.c.host.mu.Lock()
	defer e.c.host.mu.Unlock()
	e.isOver = true
	e.taken.Broadcast()
}

// Done implements process.Owner.
func (e *exec) Done(exit process.Exit) {
	e.c.host.mu.Lock()
	defer e.c.host.mu.Unlock()
	if e.timer != nil {
		e.timer.Stop()
	}
	exit.IsTimedOut = e.isTimedOut
	e.exit = &exit
	e.onEnd()
	e.finishWhenEmpty()
}

func (e *exec) signal(signal syscall.Signal) {
	if !e.isOver && e.process != nil {
		e.process.SignalGroup(signal)
	}
}

func (e *exec) input(bytes []byte) error {
	e.unwritten += len(bytes)
	if e.unwritten > limits.InputWindowBytes && e.unwritten != len(bytes) {
		return refused("More input was sent than there was room for")
	}
	done := func() {
		e.c.host.mu.Lock()
		defer e.c.host.mu.Unlock()
		e.unwritten -= len(bytes)
		if !e.isOrphan {
			e.c.sendCredit(e.id, len(bytes))
		}
	}
	if e.process == nil {
		go done()
		return nil
	}
	e.process.Write(bytes, done)
	return nil
}

func (e *exec) inputEnd() {
	if e.process != nil {
		e.process.EndInput()
	}
}

func (e *exec) credit(source byte, bytes int) {
	e.outlets[source].credit += bytes
	e.flushSource(source)
}

func (e *exec) pause(bool) {}

func (e *exec) flush() {
	e.flushSource(ring.Stdout)
	e.flushSource(ring.Stderr)
}

// Nobody listens any more: what it writes is read and dropped, so that it does not stand still.
func (e *exec) cancel() {
	e.isOrphan = true
	for _, one := range e.outlets {
		one.queue = nil
	}
	e.taken.Broadcast()
	e.inputEnd()
}

func (e *exec) flushSource(source byte) {
	if e.isOrphan {
		return
	}
	from := e.outlets[source]
	for len(from.queue) > 0 && from.credit > 0 && !e.c.isCongested() {
		bytes := from.queue[0]
		part := bytes[:min(len(bytes), from.credit, limits.OutputBytes)]
		if len(part) == len(bytes) {
			from.queue = from.queue[1:]
		} else {
			from.queue[0] = bytes[len(part):]
		}
		e.c.sendOutput(e.id, ring.Slice{Sequence: from.sequence, Source: source, Parts: [][]byte{part}, Length: len(part)}, 0)
		from.credit -= len(part)
		from.sequence += uint64(len(part))
	}
	if len(from.queue) == 0 {
		e.taken.Broadcast()
	}
	e.finishWhenEmpty()
}

func (e *exec) finishWhenEmpty() {
	if e.exit == nil || e.isOrphan || len(e.outlets[ring.Stdout].queue) > 0 || len(e.outlets[ring.Stderr].queue) > 0 {
		return
	}
	e.isOrphan = true
	e.c.send(frameEnd, e.id, map[string]any{"exit": e.exit})
	delete(e.c.streams, e.id)
}
