package process

import (
	"os"
	"syscall"
	"time"
)

const (
	// MarkerVariable is carried by every process of a sandbox.
	MarkerVariable = "CLAUDERON_SANDBOX_ID"
	// KeeperVariable is carried by what is never ended with a sandbox.
	KeeperVariable = "CLAUDERON_KEEPER"

	killDeadline  = 10 * time.Second
	shortestPause = 5 * time.Millisecond
	longestPause  = 50 * time.Millisecond
	// Looks that find nothing, but may have missed something.
	emptyLooks = 3
)

// Tree names the processes of a sandbox: those with its mark, and the groups, sessions and descendants of those and of the leaders.
type Tree struct {
	Marker  string
	Leaders map[int]bool
	// Children of this process that nobody here started were left by processes of the sandbox.
	IsHeir bool
	Owned  func() map[int]bool
	known  map[string]bool
}

// End sends SIGTERM, and SIGKILL to whatever is there after the grace, until nothing is; also to those that begin meanwhile. It gives how many were seen and which are left.
func (t *Tree) End(grace time.Duration) (ended int, left []int) {
	t.known = map[string]bool{}
	asked := map[string]bool{}
	started := time.Now()
	pause := shortestPause
	for empty := 0; ; {
		living, hasGap := t.look()
		if len(living) == 0 {
			empty++
			if !hasGap || empty == emptyLooks {
				return len(t.known), []int{}
			}
			continue
		}
		empty = 0
		elapsed := time.Since(started)
		if elapsed > grace+killDeadline {
			for _, entry := range living {
				left = append(left, entry.ID)
			}
			return len(t.known), left
		}
		isGraceOver := elapsed >= grace
		for _, entry := range living {
			if isGraceOver {
				syscall.Kill(entry.ID, syscall.SIGKILL)
			} else if !asked[entry.identity()] {
				askToEnd(entry)
			}
			asked[entry.identity()] = true
		}
		if isGraceOver {
			time.Sleep(shortestPause)
		} else {
			time.Sleep(min(pause, max(time.Millisecond, grace-elapsed)))
		}
		pause = min(pause*2, longestPause)
	}
}

func (t *Tree) look() ([]Entry, bool) {
	entries, hasGap := table()
	inside := t.inside(entries)
	var living []Entry
	for _, entry := range entries {
		if inside[entry.ID] {
			living = append(living, entry)
			t.known[entry.identity()] = true
		}
	}
	return living, hasGap
}

func (t *Tree) inside(entries []Entry) map[int]bool {
	self := os.Getpid()
	mark := MarkerVariable + "=" + t.Marker
	kept := map[int]bool{self: true, 1: true}
	alive := map[int]bool{}
	marked := map[int]bool{}
	ownSession := 0
	for _, entry := range entries {
		alive[entry.ID] = true
		kept[entry.ID] = kept[entry.ID] || entry.has(KeeperVariable+"=1")
		marked[entry.ID] = entry.has(mark)
		if entry.ID == self {
			ownSession = entry.Session
		}
	}
	sessions := map[int]bool{}
	for _, entry := range entries {
		isBegun := marked[entry.Session] || !alive[entry.Session]
		if marked[entry.ID] && entry.Session != 0 && entry.Session != ownSession && isBegun {
			sessions[entry.Session] = true
		}
	}
	owned := map[int]bool{}
	if t.IsHeir {
		owned = t.Owned()
	}
	inside := map[int]bool{}
	for _, entry := range entries {
		isLeft := t.IsHeir && entry.Parent == self && !owned[entry.ID]
		belongs := isLeft || marked[entry.ID] || t.Leaders[entry.ID] || t.Leaders[entry.Group] || t.Leaders[entry.Session] ||
			sessions[entry.Session] || t.known[entry.identity()]
		if belongs && !kept[entry.ID] {
			inside[entry.ID] = true
		}
	}
	for size := -1; size != len(inside); {
		size = len(inside)
		for _, entry := range entries {
			if inside[entry.Parent] && !kept[entry.ID] {
				inside[entry.ID] = true
			}
		}
	}
	return inside
}

func askToEnd(entry Entry) {
	syscall.Kill(entry.ID, syscall.SIGTERM)
	// An interactive shell ignores SIGTERM; the end of its terminal is what it understands.
	if entry.HasTerminal && entry.Session == entry.ID && ignores(entry.ID, int(syscall.SIGTERM)) {
		syscall.Kill(entry.ID, syscall.SIGHUP)
	}
	// One that is stopped would take the signal no earlier than it goes on.
	syscall.Kill(entry.ID, syscall.SIGCONT)
}
