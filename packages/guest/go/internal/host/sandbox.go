package host

import (
	"errors"
	"maps"
	"os"
	"syscall"
	"time"

	"clauderon.dev/guest/internal/process"
)

const defaultPath = "/usr/local/bin:/usr/bin:/bin"

type launch struct {
	launchID    string
	argv        []string
	environment map[string]string
	mode        string
	size        process.Size
}

type execRequest struct {
	argv        []string
	cwd         string
	environment map[string]string
	hasInput    bool
	terminal    *process.Size
	timeout     *time.Duration
}

type stopping struct {
	done  chan struct{}
	ended int
	left  []int
}

// sandbox is the processes of one sandbox, with its environment in memory.
type sandbox struct {
	host        *Host
	known       sandboxStatus
	environment map[string]string
	agent       *agent
	// How launches before the latest one ended.
	earlier  map[string]agentStatus
	execs    map[*exec]bool
	stopping *stopping
}

func newSandbox(h *Host, known sandboxStatus, environment map[string]string) *sandbox {
	return &sandbox{host: h, known: known, environment: environment, earlier: map[string]agentStatus{}, execs: map[*exec]bool{}}
}

func (s *sandbox) status() sandboxStatus {
	status := s.known
	status.Agent = s.agentStatus()
	return status
}

func (s *sandbox) agentStatus() agentStatus {
	if s.agent == nil {
		return agentStatus{State: "none"}
	}
	return s.agent.status()
}

// After stop, too; without an environment it keeps the one it has.
func (s *sandbox) open(environment map[string]string) {
	if environment != nil {
		s.environment = environment
	}
	s.known.State = "running"
}

func (s *sandbox) mustRun() error {
	if s.known.State == "running" {
		return nil
	}
	return Refuse("sandbox.not-running", "The sandbox of "+s.known.Name+" is stopped", "clauderon start "+s.known.Name)
}

// startAgent gives the status of the launch of that id, whether it is new or not.
func (s *sandbox) startAgent(request launch) (any, error) {
	if s.agent != nil && s.agent.launchID == request.launchID {
		return s.agent.status(), nil
	}
	if status, ok := s.earlier[request.launchID]; ok {
		return status, nil
	}
	if err := s.mustRun(); err != nil {
		return nil, err
	}
	if s.agent != nil && s.agent.isRunning() {
		return nil, Refuse("session.wrong-state", "Another launch of the agent runs", "stop it first, or wait for its end")
	}
	environment := s.childEnvironment(request.environment, request.mode == "terminal")
	if _, isGiven := request.environment["TERM"]; request.mode == "terminal" && !isGiven {
		environment["TERM"] = "xterm-256color"
	}
	if !process.IsDirectory(s.known.Cwd) {
		return nil, Refuse("sandbox.start-failed", "The workspace "+s.known.Cwd+" is not there", "restore it, or delete the session")
	}
	program := request.argv[0]
	path, exitCode := process.LookUp(program, s.known.Cwd, pathOf(environment))
	if exitCode != 0 {
		what := "cannot be run"
		if exitCode == 127 {
			what = "was not found"
		}
		return nil, Refuse("command.not-found", "The program "+program+" "+what, "install "+program+", or give its whole path")
	}
	next := newAgent(s.host, request)
	spec := process.Spec{Path: path, Argv: request.argv, Directory: s.known.Cwd, Environment: listOf(environment)}
	if request.mode == "terminal" {
		spec.Terminal = &request.size
	}
	started, err := s.host.options.Processes.StartProcess(spec, next)
	if err != nil {
		return nil, Refuse("sandbox.start-failed", "The agent did not start: "+reasonOf(err))
	}
	next.process, next.processID = started, started.ID
	if s.agent != nil {
		s.earlier[s.agent.launchID] = s.agent.status()
	}
	s.agent = next
	return next.status(), nil
}

func (s *sandbox) startExec(e *exec, request execRequest) error {
	if err := s.mustRun(); err != nil {
		return err
	}
	environment := s.childEnvironment(request.environment, request.terminal != nil)
	if !process.IsDirectory(request.cwd) {
		e.notRunnable(126, request.cwd+": no such directory")
		return nil
	}
	program := request.argv[0]
	path, exitCode := process.LookUp(program, request.cwd, pathOf(environment))
	if exitCode != 0 {
		what := "cannot be run"
		if exitCode == 127 {
			what = "not found"
		}
		e.notRunnable(exitCode, program+": "+what)
		return nil
	}
	e.isTerminal = request.terminal != nil
	started, err := s.host.options.Processes.StartProcess(process.Spec{
		Path: path, Argv: request.argv, Directory: request.cwd, Environment: listOf(environment), HasInput: request.hasInput, Terminal: request.terminal,
	}, e)
	if err != nil {
		e.notRunnable(126, program+": "+reasonOf(err))
		return nil
	}
	s.execs[e] = true
	e.onEnd = func() { delete(s.execs, e) }
	e.started(started, request.timeout)
	return nil
}

// stop ends every process; of two at once the second waits for the first. Called without the lock.
func (s *sandbox) stop(grace time.Duration) (ended int, left []int) {
	h := s.host
	h.mu.Lock()
	if running := s.stopping; running != nil {
		h.mu.Unlock()
		<-running.done
		return running.ended, running.left
	}
	running := &stopping{done: make(chan struct{})}
	s.stopping = running
	s.known.State = "stopping"
	leaders := map[int]bool{}
	agent := s.agent
	if agent != nil && agent.isRunning() {
		leaders[agent.processID] = true
	}
	for e := range s.execs {
		leaders[e.process.ID] = true
	}
	tree := process.Tree{
		Marker: s.marker(), Leaders: leaders, IsHeir: len(h.sandboxes) == 1, Owned: h.options.Processes.Owned,
	}
	h.mu.Unlock()
	running.ended, running.left = tree.End(grace)
	if agent != nil && len(running.left) == 0 {
		<-agent.ended
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.stopping = nil
	s.known.State = "stopped"
	close(running.done)
	return running.ended, running.left
}

func (s *sandbox) marker() string { return s.known.InstanceID + "/" + s.known.SandboxID }

func (s *sandbox) childEnvironment(added map[string]string, hasTerminal bool) map[string]string {
	environment := map[string]string{}
	maps.Copy(environment, s.host.options.Environment)
	maps.Copy(environment, s.environment)
	maps.Copy(environment, added)
	environment[process.MarkerVariable] = s.marker()
	delete(environment, process.KeeperVariable)
	if hasTerminal {
		// Sizes of another terminal, which programs would believe.
		delete(environment, "LINES")
		delete(environment, "COLUMNS")
		if _, ok := environment["TERM"]; !ok {
			environment["TERM"] = "xterm-256color"
		}
	}
	return environment
}

func pathOf(environment map[string]string) string {
	if path, ok := environment["PATH"]; ok {
		return path
	}
	return defaultPath
}

func listOf(environment map[string]string) []string {
	list := make([]string, 0, len(environment))
	for name, value := range environment {
		list = append(list, name+"="+value)
	}
	return list
}

func reasonOf(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}

func nameOf(signal os.Signal) string {
	if number, ok := signal.(syscall.Signal); ok {
		return process.SignalName(number)
	}
	return signal.String()
}
