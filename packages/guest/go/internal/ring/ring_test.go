package ring

import (
	"bytes"
	"strings"
	"testing"

	"clauderon.dev/guest/internal/inputs"
)

var seeds = [][]byte{
	[]byte("\x1b[?2004h\x1b[?1049hplain\r\n\x1b[31;1m"), []byte("\x1b=\x1b>\x1bc\x1b[!p"), []byte("\x1b[>1u\x1b[>5u\x1b[<u\x1b[=4;2u\x1b[>4;2m"),
	[]byte("\x1b]0;title ✓\x07\x1b]8;;http://a\x1b\\"), []byte("\x1bPq~~~~\x1b\\naïve ✓ 🙂"), []byte(strings.Repeat("\x1b[0m", 40)),
}

func scanned(pieces ...[]byte) string {
	var scanner Scanner
	for _, piece := range pieces {
		scanner.Scan(piece)
	}
	return string(scanner.Prelude())
}

func checkScanner(t *testing.T, input []byte) {
	whole := scanned(input)
	if len(whole) > 4096 {
		t.Fatalf("a prelude of %d bytes", len(whole))
	}
	middle := len(input) / 2
	if cut := scanned(input[:middle], input[middle:]); isText(input) && cut != whole {
		t.Fatalf("%q cut at %d gave %q, whole %q", input, middle, cut, whole)
	}
}

// Of bytes that are no text, what a piece ends with may be kept where the next would have shown it to be nothing.
func isText(input []byte) bool {
	for _, b := range input {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

func TestScannerOfHostileBytes(t *testing.T) {
	inputs.Each(t, seeds, func(input []byte) { checkScanner(t, input) })
}

func FuzzScanner(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(checkScanner)
}

func TestScannerKeepsModes(t *testing.T) {
	for _, one := range []struct{ output, prelude string }{
		{"\x1b[?2004h\x1b[?1049hx", "\x1b[?2004h\x1b[?1049h"},
		{"\x1b[?25l\x1b[?7h\x1b[?25h", "\x1b[?7h\x1b[?25h"},
		{"\x1b[?20", "\x1b[?20"},
		{"a\x1b]0;ti", "\x1b]0;ti"},
		{"\x1b[>1u\x1b[>5u", "\x1b[>1u\x1b[>5u"},
		{"\x1b[>1u\x1b[=4;2u", "\x1b[>5u"},
		{"\x1b[>1u\x1b[>5u\x1b[<2u", ""},
		{"\x1b[?1h\x1b=\x1bc", ""},
		{"\x1b[>4;2m\x1b[31m", "\x1b[>4;2m"},
		{"✓"[:2], "✓"[:2]},
		{strings.Repeat("y", 100) + "\x1b[?6h" + strings.Repeat("\x1b[1;2m", 9), "\x1b[?6h"},
	} {
		if got := scanned([]byte(one.output)); got != one.prelude {
			t.Errorf("%q gave %q, not %q", one.output, got, one.prelude)
		}
	}
}

// A ring is compared with all that was ever written to it.
func checkRing(t *testing.T, input []byte) {
	const limit = 3 * (blockBytes + blockOverheadBytes)
	kept := New(limit)
	var all, sources []byte
	for index, b := range input {
		source := Stdout + b%2
		piece := bytes.Repeat([]byte{b}, int(b)*(1+index%29))
		kept.Append(piece, source)
		all = append(all, piece...)
		sources = append(sources, bytes.Repeat([]byte{source}, len(piece))...)
		if kept.HeldBytes() > limit {
			t.Fatalf("%d bytes are held", kept.HeldBytes())
		}
	}
	if kept.End() != uint64(len(all)) {
		t.Fatalf("the end is %d, not %d", kept.End(), len(all))
	}
	at := uint64(0)
	for {
		slice, ok := kept.Slice(at, 1+len(input)*100)
		if !ok {
			break
		}
		if at >= kept.Start() && slice.Sequence != at {
			t.Fatalf("a gap from %d to %d", at, slice.Sequence)
		}
		at = slice.Sequence
		for _, part := range slice.Parts {
			end := at + uint64(len(part))
			if !bytes.Equal(part, all[at:end]) || strings.Trim(string(sources[at:end]), string(slice.Source)) != "" {
				t.Fatalf("other bytes at %d", at)
			}
			at = end
		}
	}
	if at != kept.End() {
		t.Fatalf("the last byte is %d of %d", at, kept.End())
	}
}

func TestRingIsTheEndOfWhatWasWritten(t *testing.T) {
	inputs.Each(t, seeds, func(input []byte) { checkRing(t, input[:min(len(input), 15)]) })
}
