// Package channel is the sandbox's end of the channel protocol: docs/architecture/channel-protocol.md describes it byte by byte.
package channel

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"clauderon.dev/guest/internal/frame"
)

const protocolVersion = 1

const (
	frameHello     = 0x01
	frameChallenge = 0x02
	frameProof     = 0x03
	frameWelcome   = 0x04
	frameFailure   = 0x05
	frameAck       = 0x06
	framePing      = 0x07
	frameOpen      = 0x10
	frameData      = 0x11
	frameWindow    = 0x12
	frameEnd       = 0x13
	frameReset     = 0x14
	// Frames from this type on are counted, kept until they are acknowledged, and sent again on the next carrier.
	firstCounted = 0x10
)

const (
	handshakeFrameBytes  = 4096
	payloadBytes         = 64 * 1024
	sentPayloadBytes     = 32 * 1024
	targetBytes          = 1024
	streamsAtMost        = 256
	windowBytes          = 64 * 1024
	grantBytes           = windowBytes / 2
	extraWindowBytes     = 192 * 1024
	extraWindowsBytes    = 16 * 1024 * 1024
	ackBytes             = 64 * 1024
	unacknowledgedBytes  = 1024 * 1024
	unacknowledgedMost   = unacknowledgedBytes + 256*1024 + payloadBytes
	carrierWaitingBytes  = 4 * 1024 * 1024
	carrierReadyBytes    = 256 * 1024
	quietTicksAtMost     = 3
	nonceBytes           = 32
	channelBytes         = 16
	largestPosition      = 1<<53 - 1
	messageCharacters    = 1000
	defaultResume        = 60 * time.Second
	defaultHandshake     = 10 * time.Second
	defaultPing          = 15 * time.Second
	farewell             = time.Second
	codeViolation        = "protocol.violation"
	codeUnknown          = "channel.unknown"
	codeRefused          = "channel.refused"
	codeClosed           = "channel.closed"
	codeStreamRefused    = "stream.refused"
	codeStreamLimit      = "stream.limit"
	codeStreamCancelled  = "stream.cancelled"
	proofText            = "clauderon-channel-v1"
	sideHub, sideClient  = "hub", "client"
	lastID               = 0xffff_ffff
	peerIsEven           = 0
	targetProxy          = `{"kind":"proxy"}`
	largestCreditedBytes = 1 << 52
)

// Fault is what is wrong with what the other end sent; the code is one of the protocol's.
type Fault struct{ Code, Message string }

func (f *Fault) Error() string { return f.Message }

func violated(format string, values ...any) *Fault {
	return &Fault{Code: codeViolation, Message: fmt.Sprintf(format, values...)}
}

// Reason of a failure or a reset.
type Reason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type welcome struct {
	position     uint64
	channel, key string
	resume       time.Duration
}

// parseWelcome reads a welcome; a new channel's has its name and key.
func parseWelcome(payload []byte) (welcome, error) {
	message, err := parse(payload)
	if err != nil {
		return welcome{}, err
	}
	protocol, isProtocol := message.number("protocol")
	position, isPosition := message.number("position")
	if !isProtocol || protocol != protocolVersion || !isPosition {
		return welcome{}, violated("A welcome has members that are missing or wrong")
	}
	out := welcome{position: position}
	if message.has("channel") {
		if out.channel = message.hex("channel", channelBytes); out.channel == "" {
			return welcome{}, violated("A channel's name is not 16 bytes in hexadecimal")
		}
	}
	if message.has("key") {
		if out.key = message.hex("key", nonceBytes); out.key == "" {
			return welcome{}, violated("A channel's key is not 32 bytes in hexadecimal")
		}
	}
	if message.has("resumeMs") {
		milliseconds, ok := message.number("resumeMs")
		if !ok {
			return welcome{}, violated("The time for resumption is no number")
		}
		out.resume = time.Duration(min(milliseconds, 24*3600*1000)) * time.Millisecond
	}
	return out, nil
}

func parseChallenge(payload []byte) (nonce, proof string, err error) {
	message, err := parse(payload)
	if err != nil {
		return "", "", err
	}
	nonce, proof = message.hex("nonce", nonceBytes), message.hex("proof", nonceBytes)
	if nonce == "" || proof == "" {
		return "", "", violated("A challenge has members that are missing or wrong")
	}
	return nonce, proof, nil
}

func parseReason(payload []byte) (Reason, error) {
	var reason struct{ Code, Message *string }
	if json.Unmarshal(payload, &reason) != nil || reason.Code == nil || reason.Message == nil ||
		len([]rune(*reason.Code)) > messageCharacters || len([]rune(*reason.Message)) > messageCharacters {
		return Reason{}, violated("A reason has members that are missing or wrong")
	}
	return Reason{Code: *reason.Code, Message: *reason.Message}, nil
}

// parsePort reads the target of a stream that leads inwards.
func parsePort(payload []byte) (int, error) {
	if len(payload) > targetBytes {
		return 0, violated("The target of a stream is too long")
	}
	message, err := parse(payload)
	if err != nil {
		return 0, err
	}
	var kind string
	port, ok := message.number("port")
	if json.Unmarshal(message["kind"], &kind) != nil || kind != "port" || !ok || port < 1 || port > 65_535 {
		return 0, violated("The target of a stream is not a port of this end")
	}
	return int(port), nil
}

func parseU64(payload []byte) (uint64, error) {
	if len(payload) != 8 {
		return 0, violated("A position does not have 8 bytes")
	}
	value := binary.BigEndian.Uint64(payload)
	if value > largestPosition {
		return 0, violated("A position is too large")
	}
	return value, nil
}

func parseU32(payload []byte) (uint32, error) {
	if len(payload) != 4 {
		return 0, violated("A window does not have 4 bytes")
	}
	return binary.BigEndian.Uint32(payload), nil
}

func encodeU32(kind byte, stream uint32, value uint32) []byte {
	return frame.Encode(kind, stream, binary.BigEndian.AppendUint32(nil, value))
}

func encodeU64(kind byte, stream uint32, value uint64) []byte {
	return frame.Encode(kind, stream, binary.BigEndian.AppendUint64(nil, value))
}

type object map[string]json.RawMessage

func parse(payload []byte) (object, error) {
	message, err := frame.Object(payload)
	if err != nil {
		return nil, violated("%s", err.Error())
	}
	return message, nil
}

func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

func (o object) number(name string) (uint64, bool) {
	var value float64
	raw, ok := o[name]
	if !ok || string(raw) == "null" || json.Unmarshal(raw, &value) != nil || value < 0 || value > largestPosition || value != float64(uint64(value)) {
		return 0, false
	}
	return uint64(value), true
}

// hex gives so many bytes in lower-case hexadecimal, or nothing.
func (o object) hex(name string, bytes int) string {
	var text string
	if json.Unmarshal(o[name], &text) != nil || len(text) != 2*bytes {
		return ""
	}
	for _, one := range []byte(text) {
		if (one < '0' || one > '9') && (one < 'a' || one > 'f') {
			return ""
		}
	}
	return text
}

// Proof is HMAC-SHA256 with the channel's key over what both ends know of this carrier.
func Proof(key, side, channel, clientNonce, hubNonce string) string {
	secret, err := hex.DecodeString(key)
	if err != nil {
		return ""
	}
	sum := hmac.New(sha256.New, secret)
	sum.Write([]byte(proofText + "\x00" + side + "\x00" + channel + "\x00" + clientNonce + "\x00" + hubNonce))
	return hex.EncodeToString(sum.Sum(nil))
}

func newNonce() string {
	bytes := make([]byte, nonceBytes)
	rand.Read(bytes)
	return hex.EncodeToString(bytes)
}
