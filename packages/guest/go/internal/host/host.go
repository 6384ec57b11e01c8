package host

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"clauderon.dev/guest/internal/process"
)

// Method answers a request of its own goroutine; given is closed when nobody waits any more.
type Method func(parameters Parameters, given <-chan struct{}) (any, error)

// Processes starts what a sandbox runs; a process.Reaper does.
type Processes interface {
	StartProcess(spec process.Spec, owner process.Owner) (*process.Process, error)
	// Owned are the processes that were started and have not ended.
	Owned() map[int]bool
}

// Options of a host.
type Options struct {
	Key       []byte
	Version   string
	Processes Processes
	// What processes have besides what a sandbox brings: the image's.
	Environment map[string]string
	// Methods besides those of the protocol.
	Methods map[string]Method
	// Takes a connection that is a carrier from here on; nil refuses.
	Carry func(connection net.Conn)
	Log   func(message string)
}

// Host owns the processes of sandboxes. One lock guards all of it: what takes long happens outside.
type Host struct {
	options     Options
	startedAtMs int64
	mu          sync.Mutex
	sandboxes   map[string]*sandbox
	connections map[*connection]bool
	strangers   int
}

// New makes a host that nobody is connected to.
func New(options Options) *Host {
	return &Host{
		options: options, startedAtMs: time.Now().UnixMilli(),
		sandboxes: map[string]*sandbox{}, connections: map[*connection]bool{},
	}
}

// Serve takes connections until the listener is closed.
func (h *Host) Serve(listener net.Listener) {
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		isFull := h.strangers >= strangersAtMost
		if !isFull {
			h.strangers++
		}
		h.mu.Unlock()
		if isFull {
			accepted.Close()
			continue
		}
		go h.accept(accepted)
	}
}

// SignalAgents hands a signal on to the groups of the agents that run.
func (h *Host) SignalAgents(signal os.Signal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.sandboxes {
		if one.agent != nil && one.agent.isRunning() && one.agent.process != nil {
			if number, ok := process.SignalOf(nameOf(signal)); ok {
				one.agent.process.SignalGroup(number)
			}
		}
	}
}

// StopAll ends every sandbox and gives the exit code of an agent that ended, if one did.
func (h *Host) StopAll(grace time.Duration) (exitCode int, hasEnded bool) {
	h.mu.Lock()
	var all []*sandbox
	for _, one := range h.sandboxes {
		all = append(all, one)
	}
	h.mu.Unlock()
	var stopped sync.WaitGroup
	for _, one := range all {
		stopped.Add(1)
		go func() {
			defer stopped.Done()
			one.stop(grace)
		}()
	}
	stopped.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range all {
		if one.agent != nil && one.agent.exit != nil {
			return one.agent.exit.ExitCode, true
		}
	}
	return 0, false
}

func (h *Host) info() info {
	return info{
		ProcessID: os.Getpid(), StartedAtMs: h.startedAtMs, Protocol: ProtocolVersion, MemoryBytes: residentBytes(),
		Sandboxes: len(h.sandboxes), Connections: len(h.connections), Guest: h.options.Version,
	}
}

func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
