package channel

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"clauderon.dev/guest/internal/frame"
	"clauderon.dev/guest/internal/inputs"
)

func open(id uint32) []byte {
	return frame.Encode(frameOpen, id, []byte(`{"kind":"port","port":80}`))
}

func joined(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

var seeds = [][]byte{
	joined(encodeU32(frameWindow, 1, 196_608), frame.Encode(frameData, 1, []byte("hi")), frame.Encode(frameEnd, 1)),
	joined(open(2), frame.Encode(frameData, 2, []byte("inwards")), frame.Encode(frameEnd, 2)),
	joined(open(2), open(4), frame.EncodeJSON(frameReset, 2, Reason{Code: codeStreamCancelled, Message: "m"})),
	joined(encodeU64(frameAck, 0, 37), frame.Encode(framePing, 0)),
	frame.EncodeJSON(frameFailure, 0, Reason{Code: codeClosed, Message: "over"}),
	frame.Encode(frameData, 1, bytes.Repeat([]byte("x"), 5000)),
	encodeU32(frameWindow, 3, 0xffff_ffff),
}

// A hub that says anything: the channel lives or has ended, and what it holds is bounded.
func check(t *testing.T, input []byte) {
	c := newChannel(func(*Stream, int) error { return errors.New("no") }, func() {}, func(*Channel) {})
	for range 3 {
		if _, err := c.Open(); err != nil {
			t.Fatal(err)
		}
	}
	from := bytes.NewReader(input)
	for !c.isEnded {
		got, err := frame.Read(from, payloadBytes+frame.CountedHeadBytes)
		if err != nil {
			break
		}
		c.mu.Lock()
		c.receive(got)
		held := 0
		for _, s := range c.streams {
			for _, piece := range s.inbox {
				held += len(piece)
			}
			if s.allowance < 0 {
				t.Errorf("%d may come", s.allowance)
			}
		}
		if held > 2*extraWindowsBytes || c.extra < 0 || c.extra > extraWindowsBytes || c.peerStreams < 0 || c.peerStreams > streamsAtMost {
			t.Errorf("%d bytes are held, %d granted, %d streams open", held, c.extra, c.peerStreams)
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.end(errors.New("the test is over"), Reason{})
	c.mu.Unlock()
}

func TestChannelOfHostileHub(t *testing.T) {
	inputs.Each(t, seeds, func(input []byte) { check(t, input) })
}

func FuzzChannel(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(check)
}

var messageSeeds = [][]byte{
	[]byte(`{"protocol":1,"position":0,"channel":"` + strings.Repeat("22", 16) + `","key":"` + strings.Repeat("11", 32) + `","resumeMs":60000}`),
	[]byte(`{"protocol":1,"position":9007199254740991}`), []byte(`{"nonce":"` + strings.Repeat("44", 32) + `","proof":"` + strings.Repeat("33", 32) + `"}`),
	[]byte(`{"code":"channel.unknown","message":"m"}`), []byte(`{"kind":"port","port":65535}`), []byte(`[1]`), []byte(`null`), {0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 9},
}

func checkMessages(t *testing.T, input []byte) {
	if got, err := parseWelcome(input); err == nil && (got.position > largestPosition || got.resume < 0) {
		t.Errorf("%q gave %v", input, got)
	}
	if nonce, proof, err := parseChallenge(input); err == nil && (len(nonce) != 64 || len(proof) != 64) {
		t.Errorf("%q gave %q and %q", input, nonce, proof)
	}
	if port, err := parsePort(input); err == nil && (port < 1 || port > 65_535) {
		t.Errorf("%q gave the port %d", input, port)
	}
	if position, err := parseU64(input); err == nil && position > largestPosition {
		t.Errorf("%x gave the position %d", input, position)
	}
	parseU32(input)
	parseReason(input)
}

func TestMessagesOfHostileHub(t *testing.T) {
	inputs.Each(t, messageSeeds, func(input []byte) { checkMessages(t, input) })
}

func FuzzMessages(f *testing.F) {
	for _, seed := range messageSeeds {
		f.Add(seed)
	}
	f.Fuzz(checkMessages)
}

// The example of docs/architecture/channel-protocol.md.
func TestProofOfTheDocument(t *testing.T) {
	key, id, client, hub := strings.Repeat("11", 32), strings.Repeat("22", 16), strings.Repeat("33", 32), strings.Repeat("44", 32)
	if got := Proof(key, sideHub, id, client, hub); got != "ee232a4752d4c6ad49282b9af3b71a40dd6cb32d330c936e52ba0b86b5cbdd17" {
		t.Error(got)
	}
	if got := Proof(key, sideClient, id, client, hub); got != "015d10857e052f0a148577ba9686354464e27027d855359c8a32c9358ed2afad" {
		t.Error(got)
	}
}

func TestPositionsAreEndsOfFrames(t *testing.T) {
	var log sendLog
	log.append(make([]byte, 25))
	log.append(make([]byte, 13))
	for _, wrong := range []uint64{1, 24, 26, 39} {
		if log.acknowledge(wrong) == nil {
			t.Errorf("%d was taken", wrong)
		}
	}
	if err := log.acknowledge(25); err != nil || log.unacknowledged() != 13 || len(log.frames) != 1 {
		t.Error(err, log.unacknowledged())
	}
	if log.acknowledge(0) == nil {
		t.Error("a position went back")
	}
}
