package process

import (
	"testing"

	"clauderon.dev/guest/internal/inputs"
)

var seeds = [][]byte{
	[]byte("12 (a b) c) S 1 12 12 34816 12 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1 1"), []byte("12 () Z 1 2 3 0"), []byte("12 (x) R -1 -1 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 99"),
}

func check(t *testing.T, input []byte) {
	entry, isAlive, ok := ParseStat(12, string(input))
	if (isAlive && !ok) || (ok && entry.StartTime == "") {
		t.Errorf("%q gave %v", input, entry)
	}
}

func TestStatOfHostileProcess(t *testing.T) {
	inputs.Each(t, seeds, func(input []byte) { check(t, input) })
}

func FuzzParseStat(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(check)
}

// The name is the process's own choice.
func TestNameCannotPoseAsFields(t *testing.T) {
	entry, isAlive, ok := ParseStat(12, string(seeds[0]))
	if !ok || !isAlive || entry.Parent != 1 || entry.Session != 12 || !entry.HasTerminal || entry.StartTime != "12345" {
		t.Error(entry, isAlive, ok)
	}
}
