// Package ring keeps the latest output of an agent, numbered from its first byte.
package ring

import "sort"

const (
	blockBytes = 16 * 1024
	// What a block costs besides its bytes.
	blockOverheadBytes = 256
)

// Sources of output, as they are on the wire.
const (
	Stdout byte = 1
	Stderr byte = 2
)

type block struct {
	sequence uint64
	source   byte
	bytes    []byte
}

// Slice is a stretch of output from one source; its parts are the ring's own and change with the next Append.
type Slice struct {
	Sequence uint64
	Source   byte
	Parts    [][]byte
	Length   int
}

// Ring grows by blocks up to a limit; then the oldest go, and what they switched on is kept as a prelude.
type Ring struct {
	limit   int
	scanner Scanner
	blocks  []*block
	held    int
	end     uint64
}

// New makes a ring of so many bytes.
func New(limit int) *Ring { return &Ring{limit: limit} }

// Start is the sequence of the oldest byte kept.
func (r *Ring) Start() uint64 {
	if len(r.blocks) == 0 {
		return r.end
	}
	return r.blocks[0].sequence
}

// End is the sequence of the next byte to come.
func (r *Ring) End() uint64 { return r.end }

// HeldBytes is the memory in use.
func (r *Ring) HeldBytes() int { return r.held }

// Append keeps a copy of the bytes.
func (r *Ring) Append(bytes []byte, source byte) {
	for len(bytes) > 0 {
		b := r.writable(source)
		count := min(cap(b.bytes)-len(b.bytes), len(bytes))
		b.bytes = append(b.bytes, bytes[:count]...)
		r.end += uint64(count)
		bytes = bytes[count:]
	}
}

// Prelude is what restores the modes of the output before Start; empty while nothing is gone.
func (r *Ring) Prelude() []byte {
	if r.Start() == 0 {
		return nil
	}
	return r.scanner.Prelude()
}

// Slice gives output from the sequence on, at most so many bytes, from one source; false at the end.
func (r *Ring) Slice(from uint64, most int) (Slice, bool) {
	if from >= r.end || len(r.blocks) == 0 || most <= 0 {
		return Slice{}, false
	}
	index := max(0, sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].sequence > from })-1)
	first := r.blocks[index]
	slice := Slice{Sequence: max(from, first.sequence), Source: first.source}
	for ; index < len(r.blocks) && slice.Length < most; index++ {
		b := r.blocks[index]
		if b.source != slice.Source {
			break
		}
		part := b.bytes[slice.Sequence+uint64(slice.Length)-b.sequence:]
		part = part[:min(len(part), most-slice.Length)]
		if len(part) > 0 {
			slice.Parts = append(slice.Parts, part)
		}
		slice.Length += len(part)
	}
	return slice, slice.Length > 0
}

func (r *Ring) writable(source byte) *block {
	if len(r.blocks) > 0 {
		last := r.blocks[len(r.blocks)-1]
		if len(last.bytes) < cap(last.bytes) {
			if last.source == source {
				return last
			}
			r.shrink(last)
		}
	}
	for len(r.blocks) > 0 && r.held+blockBytes+blockOverheadBytes > r.limit {
		r.evict()
	}
	b := &block{sequence: r.end, source: source, bytes: make([]byte, 0, blockBytes)}
	r.blocks = append(r.blocks, b)
	r.held += blockBytes + blockOverheadBytes
	return b
}

func (r *Ring) shrink(b *block) {
	exact := make([]byte, len(b.bytes))
	copy(exact, b.bytes)
	r.held -= cap(b.bytes) - len(exact)
	b.bytes = exact
}

func (r *Ring) evict() {
	b := r.blocks[0]
	r.blocks[0] = nil
	r.blocks = r.blocks[1:]
	r.held -= cap(b.bytes) + blockOverheadBytes
	r.scanner.Scan(b.bytes)
}
