package guest

import (
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"clauderon.dev/guest/internal/process"
)

const selfTestTimeout = 5 * time.Second

// Check is one thing that the guest needs.
type Check struct {
	Name   string `json:"name"`
	IsOK   bool   `json:"isOk"`
	Detail string `json:"detail,omitempty"`
}

// SelfTest tries what the guest needs of its sandbox.
func SelfTest() (checks []Check, isWhole bool) {
	reaper := process.NewReaper()
	program, err := os.Executable()
	add := func(name string, err error) {
		check := Check{Name: name, IsOK: err == nil}
		if err != nil {
			check.Detail = err.Error()
		}
		checks = append(checks, check)
	}
	add("program", err)
	if err == nil {
		add("terminal", runSelf(reaper, program, &process.Size{Columns: 80, Rows: 24}))
		add("pipes", runSelf(reaper, program, nil))
	}
	listener, err := net.Listen("unix", "@clauderon-self-test-"+strings.TrimPrefix(program, "/"))
	if err == nil {
		listener.Close()
	}
	add("sockets", err)
	_, err = os.ReadFile("/proc/self/stat")
	add("proc", err)
	listener, err = net.Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		listener.Close()
	}
	add("loopback", err)
	isWhole = true
	for _, check := range checks {
		isWhole = isWhole && check.IsOK
	}
	return checks, isWhole
}

type selfRun struct {
	mu     sync.Mutex
	output strings.Builder
	done   chan process.Exit
}

func (s *selfRun) Output(_ byte, bytes []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.output.Write(bytes)
}
func (s *selfRun) Ended()                 {}
func (s *selfRun) Done(exit process.Exit) { s.done <- exit }

type selfTestError string

func (e selfTestError) Error() string { return string(e) }

func runSelf(reaper *process.Reaper, program string, terminal *process.Size) error {
	owner := &selfRun{done: make(chan process.Exit, 1)}
	_, err := reaper.StartProcess(process.Spec{Path: program, Argv: []string{program, "version"}, Directory: "/", Terminal: terminal}, owner)
	if err != nil {
		return err
	}
	select {
	case exit := <-owner.done:
		owner.mu.Lock()
		defer owner.mu.Unlock()
		if exit.ExitCode != 0 || strings.TrimSpace(owner.output.String()) == "" {
			return selfTestError("the program ended without its word")
		}
		return nil
	case <-time.After(selfTestTimeout):
		return selfTestError("the program did not end")
	}
}
