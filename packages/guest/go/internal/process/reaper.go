// Package process starts, watches and ends the processes of sandboxes.
package process

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Reaper takes the end of every child, also of those that were left to this process by parents that have ended.
type Reaper struct {
	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

// NewReaper begins to reap; there is one in a process.
func NewReaper() *Reaper {
	r := &Reaper{waiting: map[int]chan syscall.WaitStatus{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			r.reap()
		}
	}()
	return r
}

// Start forks under the reaper's eyes, so that no end is missed; the channel gets it.
func (r *Reaper) Start(path string, argv []string, attr *syscall.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan syscall.WaitStatus, 1)
	r.waiting[pid] = ended
	return pid, ended, nil
}

// Owned are the children that were started here and have not ended.
func (r *Reaper) Owned() map[int]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	owned := make(map[int]bool, len(r.waiting))
	for pid := range r.waiting {
		owned[pid] = true
	}
	return owned
}

func (r *Reaper) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ended, ok := r.waiting[pid]; ok {
			delete(r.waiting, pid)
			ended <- status
		}
	}
}
