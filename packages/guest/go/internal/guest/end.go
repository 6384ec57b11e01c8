package guest

import (
	"os"
	"syscall"
	"time"

	"clauderon.dev/guest/internal/host"
)

const (
	signalExit = 128
	endLook    = 10 * time.Millisecond
)

// untilEnd hands signals on, and at one that means the end, ends everything.
func untilEnd(served *host.Host, signals <-chan os.Signal, grace time.Duration) int {
	for received := range signals {
		if received != syscall.SIGTERM && received != syscall.SIGINT {
			served.SignalAgents(received)
			continue
		}
		number, _ := received.(syscall.Signal)
		started := time.Now()
		finished := make(chan int, 1)
		go func() {
			exitCode, hasEnded := served.StopAll(grace)
			if !hasEnded {
				exitCode = signalExit + int(number)
			}
			if os.Getpid() == 1 {
				endAll(max(0, grace-time.Since(started)))
			}
			finished <- exitCode
		}()
		for {
			select {
			case exitCode := <-finished:
				return exitCode
			case again := <-signals:
				// Who asks twice does not want to wait.
				if again == syscall.SIGTERM || again == syscall.SIGINT {
					return signalExit + int(number)
				}
			}
		}
	}
	return 0
}

// endAll ends what belongs to no sandbox, too: everything that PID 1 can see.
func endAll(grace time.Duration) {
	deadline := time.Now().Add(grace)
	if syscall.Kill(-1, syscall.SIGTERM) == syscall.ESRCH {
		return
	}
	for time.Now().Before(deadline) {
		if syscall.Kill(-1, 0) == syscall.ESRCH {
			return
		}
		time.Sleep(endLook)
	}
	syscall.Kill(-1, syscall.SIGKILL)
}
