package host

import (
	"clauderon.dev/guest/internal/ring"
)

// viewer is a stream of an agent's output to one client: from the ring, as far as credit goes.
type viewer struct {
	agent        *agent
	c            *connection
	id           uint32
	liveFrom     uint64
	cursor       uint64
	window       int
	unwritten    int
	isDone       bool
	isPaused     bool
	isReplayOnly bool
	// It took nothing for too long: the agent does not wait for it until it has caught up.
	isLagging   bool
	hasProgress bool
}

func newViewer(a *agent, c *connection, id uint32) *viewer {
	return &viewer{agent: a, c: c, id: id, liveFrom: a.ring.End()}
}

// So far behind that output would be lost to it.
func (v *viewer) isBehind() bool {
	return !v.isLagging && v.agent.ring.End()-v.cursor > uint64(limits.RingBytes)/2
}

func (v *viewer) hasReplay() bool { return v.isReplayOnly && v.cursor >= v.liveFrom }

func (v *viewer) flush() {
	kept := v.agent.ring
	for !v.isDone && !v.isPaused && v.window > 0 && !v.c.isCongested() {
		if v.cursor < kept.Start() {
			v.skipToKept()
		}
		most := min(v.window, limits.OutputBytes)
		if v.cursor < v.liveFrom {
			most = int(min(uint64(most), v.liveFrom-v.cursor))
		}
		slice, ok := kept.Slice(v.cursor, most)
		if !ok || v.hasReplay() {
			break
		}
		flags := byte(0)
		if slice.Sequence < v.liveFrom {
			flags = flagReplay
		}
		v.send(slice, flags)
		v.cursor = slice.Sequence + uint64(slice.Length)
	}
	if v.cursor == kept.End() {
		v.isLagging = false
	}
	hasAll := v.cursor == kept.End() || v.hasReplay()
	if hasAll && !v.isDone && (!v.agent.isRunning() || v.isReplayOnly) {
		v.finish()
	}
}

func (v *viewer) input(bytes []byte) error {
	v.unwritten += len(bytes)
	if v.unwritten > limits.InputWindowBytes && v.unwritten != len(bytes) {
		return refused("More input was sent than there was room for")
	}
	v.agent.input(bytes, func() {
		v.c.host.mu.Lock()
		defer v.c.host.mu.Unlock()
		v.unwritten -= len(bytes)
		if !v.isDone {
			v.c.sendCredit(v.id, len(bytes))
		}
	})
	return nil
}

func (v *viewer) inputEnd() {}

func (v *viewer) credit(_ byte, bytes int) {
	v.window += bytes
	v.hasProgress = true
	v.flush()
	v.agent.regulate()
}

func (v *viewer) pause(isPaused bool) {
	v.isPaused = isPaused
	if !isPaused {
		v.flush()
	}
	v.agent.regulate()
}

func (v *viewer) cancel() {
	v.isDone = true
	v.agent.detach(v)
}

func (v *viewer) skipToKept() {
	kept := v.agent.ring
	v.cursor = kept.Start()
	if prelude := kept.Prelude(); len(prelude) > 0 {
		v.send(ring.Slice{Sequence: v.cursor, Source: ring.Stdout, Parts: [][]byte{prelude}, Length: len(prelude)}, flagReplay|flagPrelude)
	}
}

func (v *viewer) send(slice ring.Slice, flags byte) {
	v.window -= slice.Length
	v.c.sendOutput(v.id, slice, flags)
}

func (v *viewer) finish() {
	v.isDone = true
	message := map[string]any{}
	if v.agent.exit != nil {
		message["exit"] = v.agent.exit
	}
	v.c.send(frameEnd, v.id, message)
	delete(v.c.streams, v.id)
	v.agent.detach(v)
}
