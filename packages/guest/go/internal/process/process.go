package process

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"clauderon.dev/guest/internal/ring"
)

const (
	// A read gathers so much at most.
	readBytes = 64 * 1024
	// After the end of a process output of what it left behind is awaited: pipes until they were quiet for so long,
	pipesQuiet = 250 * time.Millisecond
	// terminals until so many looks find nothing, and no longer than the most.
	terminalLook       = 20 * time.Millisecond
	terminalQuietLooks = 5
	terminalMostLooks  = 50
)

// Exit is how a process ended.
type Exit struct {
	ExitCode   int    `json:"exitCode"`
	Signal     string `json:"signal,omitempty"`
	IsTimedOut bool   `json:"isTimedOut"`
}

// Owner is told of a process by goroutines of the process, never by the caller of Start.
type Owner interface {
	// Output gives bytes that are the receiver's only during the call; while it does not return, nothing more is read from that source.
	Output(source byte, bytes []byte)
	// Ended comes when the process is gone and the rest of its output is read.
	Ended()
	// Done comes last, once.
	Done(exit Exit)
}

// Spec is what to start.
type Spec struct {
	Path        string
	Argv        []string
	Directory   string
	Environment []string
	HasInput    bool
	// Nil for pipes.
	Terminal *Size
}

// Process is a process of a sandbox, with a terminal or with pipes.
type Process struct {
	ID      int
	owner   Owner
	master  *os.File
	input   *inputQueue
	outputs []*os.File
	count   atomic.Int64
	// Calls of Output that have not returned.
	busy atomic.Int64
	mu   sync.Mutex
	size Size
}

// Start runs a process in a session and group of its own.
func (r *Reaper) StartProcess(spec Spec, owner Owner) (*Process, error) {
	p := &Process{owner: owner}
	var ended <-chan syscall.WaitStatus
	var err error
	if spec.Terminal != nil {
		ended, err = p.startInTerminal(r, spec)
	} else {
		ended, err = p.startWithPipes(r, spec)
	}
	if err != nil {
		return nil, err
	}
	var readers sync.WaitGroup
	for index, file := range p.outputs {
		readers.Add(1)
		go func() {
			defer readers.Done()
			p.read(file, byte(index)+ring.Stdout)
		}()
	}
	go p.watch(ended, &readers)
	return p, nil
}

func (p *Process) startInTerminal(r *Reaper, spec Spec) (<-chan syscall.WaitStatus, error) {
	master, slave, err := openTerminal(*spec.Terminal)
	if err != nil {
		return nil, err
	}
	end := uintptr(slave)
	pid, ended, err := r.Start(spec.Path, spec.Argv, &syscall.ProcAttr{
		Dir: spec.Directory, Env: spec.Environment, Files: []uintptr{end, end, end},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	})
	syscall.Close(slave)
	if err != nil {
		master.Close()
		return nil, err
	}
	p.ID, p.master, p.size = pid, master, *spec.Terminal
	p.outputs = []*os.File{master}
	p.input = newInputQueue(master, false)
	return ended, nil
}

func (p *Process) startWithPipes(r *Reaper, spec Spec) (<-chan syscall.WaitStatus, error) {
	var open []int
	defer func() {
		for _, fd := range open {
			syscall.Close(fd)
		}
	}()
	pipe := func() (reader, writer int, err error) {
		var ends [2]int
		if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
			return 0, 0, err
		}
		open = append(open, ends[0], ends[1])
		return ends[0], ends[1], nil
	}
	var input, inputEnd int
	var err error
	if spec.HasInput {
		input, inputEnd, err = pipe()
	} else if input, err = syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err == nil {
		open = append(open, input)
	}
	if err != nil {
		return nil, err
	}
	outputEnd, output, err := pipe()
	if err != nil {
		return nil, err
	}
	errorEnd, failure, err := pipe()
	if err != nil {
		return nil, err
	}
	pid, ended, err := r.Start(spec.Path, spec.Argv, &syscall.ProcAttr{
		Dir: spec.Directory, Env: spec.Environment, Files: []uintptr{uintptr(input), uintptr(output), uintptr(failure)},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, err
	}
	own := func(fd int) *os.File {
		for index, one := range open {
			if one == fd {
				open = append(open[:index], open[index+1:]...)
				break
			}
		}
		syscall.SetNonblock(fd, true)
		return os.NewFile(uintptr(fd), "pipe")
	}
	p.ID = pid
	p.outputs = []*os.File{own(outputEnd), own(errorEnd)}
	if spec.HasInput {
		p.input = newInputQueue(own(inputEnd), true)
	}
	return ended, nil
}

// Write calls back when the bytes were taken, or can never be.
func (p *Process) Write(bytes []byte, done func()) {
	if p.input == nil {
		go done()
		return
	}
	p.input.write(bytes, done)
}

// EndInput is an end of file for pipes; a keyboard has none.
func (p *Process) EndInput() {
	if p.input != nil && p.master == nil {
		p.input.end()
	}
}

// Resize tells a terminal its size; an equal one is none of the process's business.
func (p *Process) Resize(size Size) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.master == nil || size == p.size {
		return
	}
	if connection, err := p.master.SyscallConn(); err == nil {
		p.size = size
		connection.Control(func(fd uintptr) { resizeTerminal(int(fd), size) })
	}
}

// SignalGroup reaches the process and what it started in its group.
func (p *Process) SignalGroup(signal syscall.Signal) { syscall.Kill(-p.ID, signal) }

func (p *Process) read(file *os.File, source byte) {
	connection, err := file.SyscallConn()
	if err != nil {
		return
	}
	buffer := make([]byte, 4096)
	for {
		count, err := readAvailable(connection, buffer)
		if count > 0 {
			p.count.Add(1)
			p.busy.Add(1)
			p.owner.Output(source, buffer[:count])
			p.busy.Add(-1)
		}
		if err != nil {
			return
		}
		// One that writes much gets a larger buffer; most never need it.
		if count == len(buffer) && count < readBytes {
			buffer = make([]byte, readBytes)
		}
	}
}

// readAvailable takes what is there in one go, and waits when nothing is.
func readAvailable(from syscall.RawConn, into []byte) (int, error) {
	total := 0
	var failure error
	err := from.Read(func(fd uintptr) bool {
		for total < len(into) {
			count, err := syscall.Read(int(fd), into[total:])
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				return total > 0
			case err != nil:
				failure = err
				return true
			case count == 0:
				failure = io.EOF
				return true
			}
			total += count
		}
		return true
	})
	return total, errors.Join(err, failure)
}

func (p *Process) watch(ended <-chan syscall.WaitStatus, readers *sync.WaitGroup) {
	status := <-ended
	p.owner.Ended()
	all := make(chan struct{})
	go func() {
		readers.Wait()
		close(all)
	}()
	p.awaitQuiet(all)
	for _, file := range p.outputs {
		file.SetReadDeadline(time.Unix(1, 0))
	}
	<-all
	if p.input != nil {
		p.input.close()
	}
	for _, file := range p.outputs {
		file.Close()
	}
	p.owner.Done(exitOf(status))
}

func (p *Process) awaitQuiet(all <-chan struct{}) {
	look, quietLooks, mostLooks := pipesQuiet/5, 5, 0
	if p.master != nil {
		look, quietLooks, mostLooks = terminalLook, terminalQuietLooks, terminalMostLooks
	}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	seen := p.count.Load()
	for looks, quiet := 0, 0; quiet < quietLooks && (mostLooks == 0 || looks < mostLooks); looks++ {
		select {
		case <-all:
			return
		case <-ticker.C:
		}
		now := p.count.Load()
		// What is not read on purpose still holds output.
		if now == seen && p.busy.Load() == 0 {
			quiet++
		} else {
			quiet = 0
		}
		seen = now
	}
}

func exitOf(status syscall.WaitStatus) Exit {
	if status.Signaled() {
		return Exit{ExitCode: 128 + int(status.Signal()), Signal: SignalName(status.Signal())}
	}
	return Exit{ExitCode: status.ExitStatus()}
}
