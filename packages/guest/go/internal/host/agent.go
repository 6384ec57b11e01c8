package host

import (
	"sync"
	"time"

	"clauderon.dev/guest/internal/process"
	"clauderon.dev/guest/internal/ring"
)

// A viewer that takes nothing for so long no longer makes the agent wait.
const stall = time.Second

// agent is one launch of a sandbox's agent: its process, its output and who looks at it. Of the host's lock.
type agent struct {
	host        *Host
	launchID    string
	mode        string
	size        process.Size
	startedAtMs int64
	processID   int
	process     *process.Process
	exit        *process.Exit
	ended       chan struct{}
	ring        *ring.Ring
	viewers     map[*viewer]bool
	// Its output waits for a viewer.
	isHeld   bool
	released *sync.Cond
	// Its process is gone.
	isOver  bool
	stalled *time.Timer
}

func newAgent(h *Host, request launch) *agent {
	return &agent{
		host: h, launchID: request.launchID, mode: request.mode, size: request.size, startedAtMs: time.Now().UnixMilli(),
		ended: make(chan struct{}), ring: ring.New(limits.RingBytes), viewers: map[*viewer]bool{}, released: sync.NewCond(&h.mu),
	}
}

func (a *agent) isRunning() bool { return a.exit == nil }

func (a *agent) status() agentStatus {
	status := agentStatus{
		State: "running", LaunchID: a.launchID, ProcessID: a.processID, StartedAtMs: a.startedAtMs, Exit: a.exit, Mode: a.mode, Size: &a.size,
	}
	if a.exit != nil {
		status.State = "exited"
	}
	return status
}

// Output implements process.Owner.
func (a *agent) Output(source byte, bytes []byte) {
	a.host.mu.Lock()
	defer a.host.mu.Unlock()
	a.ring.Append(bytes, source)
	for one := range a.viewers {
		one.flush()
	}
	a.regulate()
	// What a terminal still holds is read as soon as its process is gone.
	for a.isHeld && !(a.isOver && a.mode == "terminal") {
		a.released.Wait()
	}
}

// Ended implements process.Owner.
func (a *agent) Ended() {
	a.host.mu.Lock()
	defer a.host.mu.Unlock()
	a.isOver = true
	a.released.Broadcast()
}

// Done implements process.Owner.
func (a *agent) Done(exit process.Exit) {
	a.host.mu.Lock()
	defer a.host.mu.Unlock()
	a.exit = &exit
	a.process = nil
	if a.stalled != nil {
		a.stalled.Stop()
	}
	close(a.ended)
	for one := range a.viewers {
		one.flush()
	}
}

func (a *agent) input(bytes []byte, done func()) {
	if a.process == nil || a.mode == "headless" {
		go done()
		return
	}
	a.process.Write(bytes, done)
}

func (a *agent) resize(size process.Size) {
	a.size = size
	if a.process != nil {
		a.process.Resize(size)
	}
}

func (a *agent) detach(one *viewer) {
	delete(a.viewers, one)
	a.regulate()
}

// regulate lets the agent write on, or wait for a viewer that is paused or behind.
func (a *agent) regulate() {
	isHeld, isBehind := false, false
	for one := range a.viewers {
		isBehind = isBehind || one.isBehind()
		isHeld = isHeld || one.isPaused
	}
	a.isHeld = isHeld || isBehind
	if !a.isHeld {
		a.released.Broadcast()
	}
	if !isBehind {
		if a.stalled != nil {
			a.stalled.Stop()
			a.stalled = nil
		}
		return
	}
	if a.stalled != nil || !a.isRunning() {
		return
	}
	for one := range a.viewers {
		if one.isBehind() {
			one.hasProgress = false
		}
	}
	var timer *time.Timer
	timer = time.AfterFunc(stall, func() {
		a.host.mu.Lock()
		defer a.host.mu.Unlock()
		if a.stalled != timer {
			return
		}
		a.stalled = nil
		for one := range a.viewers {
			if one.isBehind() && !one.hasProgress {
				one.isLagging = true
			}
		}
		a.regulate()
	})
	a.stalled = timer
}
