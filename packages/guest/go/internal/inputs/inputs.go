// Package inputs makes hostile bytes for tests of decoders.
package inputs

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

const (
	countVariable = "CLAUDERON_FUZZ_INPUTS"
	seedVariable  = "CLAUDERON_FUZZ_SEED"
	defaultCount  = 3000
	mostChanges   = 6
	longestNoise  = 200
)

var interesting = []byte{0, 1, 4, 5, 0x10, 0x11, 0x14, 0x20, '"', '{', '}', '[', ']', ':', ',', '\\', 0x1b, 0x7f, 0x80, 0xc0, 0xe0, 0xf0, 0xff}

// Each runs the check on mutants of the seeds and on noise; how many, CLAUDERON_FUZZ_INPUTS says. The same seed gives the same inputs.
func Each(t *testing.T, seeds [][]byte, check func(input []byte)) {
	t.Helper()
	count, seed := number(countVariable, defaultCount), uint64(number(seedVariable, 1))
	random := rand.New(rand.NewPCG(seed, uint64(len(seeds))))
	for _, one := range seeds {
		check(one)
	}
	var input []byte
	defer func() {
		if t.Failed() {
			t.Logf("with %s=%d, at input %q", seedVariable, seed, input)
		}
	}()
	for done := len(seeds); done < count; done++ {
		input = next(random, seeds)
		check(input)
	}
	t.Logf("%d inputs", count)
}

func next(random *rand.Rand, seeds [][]byte) []byte {
	if len(seeds) == 0 || random.IntN(10) == 0 {
		return noise(random)
	}
	input := append([]byte(nil), seeds[random.IntN(len(seeds))]...)
	for changes := 1 + random.IntN(mostChanges); changes > 0; changes-- {
		input = change(random, input, seeds)
	}
	return input
}

func change(random *rand.Rand, input []byte, seeds [][]byte) []byte {
	at := random.IntN(len(input) + 1)
	switch random.IntN(7) {
	case 0:
		return input[:at]
	case 1:
		return append(append(append([]byte(nil), input[:at]...), noise(random)...), input[at:]...)
	case 2:
		other := seeds[random.IntN(len(seeds))]
		return append(append([]byte(nil), input[:at]...), other[random.IntN(len(other)+1):]...)
	case 3:
		return append(append([]byte(nil), input[:at]...), input...)
	default:
		if at < len(input) {
			if random.IntN(2) == 0 {
				input[at] = byte(random.Uint32())
			} else {
				input[at] = interesting[random.IntN(len(interesting))]
			}
		}
		return input
	}
}

func noise(random *rand.Rand) []byte {
	bytes := make([]byte, random.IntN(longestNoise))
	for index := range bytes {
		bytes[index] = byte(random.Uint32())
		if random.IntN(3) == 0 {
			bytes[index] = interesting[random.IntN(len(interesting))]
		}
	}
	return bytes
}

func number(name string, fallback int) int {
	if value, err := strconv.Atoi(os.Getenv(name)); err == nil && value > 0 {
		return value
	}
	return fallback
}
