package process

import (
	"fmt"
	"syscall"
)

var signalNames = []string{
	"", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM",
	"SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
}

// SignalName as it is written everywhere.
func SignalName(signal syscall.Signal) string {
	if number := int(signal); number > 0 && number < len(signalNames) {
		return signalNames[number]
	}
	return fmt.Sprintf("SIG%d", int(signal))
}

// SignalOf finds a signal by its name.
func SignalOf(name string) (syscall.Signal, bool) {
	for number, known := range signalNames {
		if number > 0 && known == name {
			return syscall.Signal(number), true
		}
	}
	return 0, false
}
