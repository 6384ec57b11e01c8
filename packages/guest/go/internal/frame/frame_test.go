package frame

import (
	"bytes"
	"testing"

	"clauderon.dev/guest/internal/inputs"
)

const limit = 4096

var seeds = [][]byte{
	Encode(1, 0, []byte(`{"protocols":[1]}`)),
	Encode(0x11, 7, bytes.Repeat([]byte("x"), 300)),
	append(Encode(0x20, 1), Encode(0x21, 2, []byte("a"), []byte("b"))...),
	{0, 0, 0, 4, 1}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0x10, 1, 1, 0, 0, 0, 1},
}

// What was read is what a frame of it would be, and never longer than allowed.
func check(t *testing.T, input []byte) {
	from := bytes.NewReader(input)
	offset := 0
	for {
		got, err := Read(from, limit)
		if err != nil {
			return
		}
		if len(got.Payload)+CountedHeadBytes > limit {
			t.Fatalf("a payload of %d bytes came through", len(got.Payload))
		}
		again := Encode(got.Type, got.ID, got.Payload)
		if !bytes.Equal(again, input[offset:offset+len(again)]) {
			t.Fatalf("%x was read as %x", input[offset:], again)
		}
		offset += len(again)
		Object(got.Payload)
	}
}

func TestReadOfHostileBytes(t *testing.T) {
	inputs.Each(t, seeds, func(input []byte) { check(t, input) })
}

func FuzzRead(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(check)
}

func TestReadRefusesALengthBeforeItsBytes(t *testing.T) {
	for _, head := range [][]byte{{0, 0, 0, 4}, {0, 0, 0x10, 1}, {0xff, 0xff, 0xff, 0xff}} {
		_, err := Read(bytes.NewReader(head), limit)
		if _, ok := err.(*LengthError); !ok {
			t.Errorf("%x gave %v", head, err)
		}
	}
}
