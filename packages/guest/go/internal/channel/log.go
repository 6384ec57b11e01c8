package channel

type kept struct {
	frame []byte
	// The position after it.
	end uint64
}

// sendLog is the counted frames that were sent and not yet acknowledged.
type sendLog struct {
	frames             []kept
	sent, acknowledged uint64
}

func (l *sendLog) unacknowledged() uint64 { return l.sent - l.acknowledged }

func (l *sendLog) append(bytes []byte) {
	l.sent += uint64(len(bytes))
	l.frames = append(l.frames, kept{frame: bytes, end: l.sent})
}

// acknowledge: the other end has everything up to here. A place that cannot be is refused, and nothing is forgotten.
func (l *sendLog) acknowledge(position uint64) error {
	if position == l.acknowledged {
		return nil
	}
	next := 0
	for next < len(l.frames) && l.frames[next].end < position {
		next++
	}
	if next == len(l.frames) || l.frames[next].end != position {
		return violated("Position %d is not the end of a frame that waits for it", position)
	}
	l.acknowledged = position
	clear(l.frames[:next+1])
	l.frames = l.frames[next+1:]
	return nil
}
