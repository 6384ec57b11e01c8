// Package frame is the form of a message in both protocols: `u32 length (of what follows) · u8 type · u32 id · payload`, numbers big-endian.
package frame

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// HeadBytes is the length of everything before the payload.
const HeadBytes = 9

// CountedHeadBytes is the part of the head that a frame's length counts.
const CountedHeadBytes = 5

// Frame is one message.
type Frame struct {
	Type    byte
	ID      uint32
	Payload []byte
}

// LengthError tells of a length that no frame may have.
type LengthError struct {
	Length uint32
	Limit  uint32
}

func (e *LengthError) Error() string {
	if e.Length < CountedHeadBytes {
		return fmt.Sprintf("A frame of %d bytes is too short", e.Length)
	}
	return fmt.Sprintf("A frame of %d bytes is larger than %d", e.Length, e.Limit)
}

// Read takes one frame; a length beyond the limit is refused before anything of that size is held.
func Read(from io.Reader, limit uint32) (Frame, error) {
	var head [HeadBytes]byte
	if _, err := io.ReadFull(from, head[:4]); err != nil {
		return Frame{}, err
	}
	length := binary.BigEndian.Uint32(head[:4])
	if length < CountedHeadBytes || length > limit {
		return Frame{}, &LengthError{Length: length, Limit: limit}
	}
	if _, err := io.ReadFull(from, head[4:]); err != nil {
		return Frame{}, noEnd(err)
	}
	payload := make([]byte, length-CountedHeadBytes)
	if _, err := io.ReadFull(from, payload); err != nil {
		return Frame{}, noEnd(err)
	}
	return Frame{Type: head[4], ID: binary.BigEndian.Uint32(head[5:]), Payload: payload}, nil
}

func noEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Encode makes a frame of the parts of a payload.
func Encode(kind byte, id uint32, parts ...[]byte) []byte {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	out := make([]byte, HeadBytes, HeadBytes+length)
	binary.BigEndian.PutUint32(out, uint32(length+CountedHeadBytes))
	out[4] = kind
	binary.BigEndian.PutUint32(out[5:], id)
	for _, part := range parts {
		out = append(out, part...)
	}
	return out
}

// EncodeJSON makes a frame of a message that is a value of ours, which can always be written.
func EncodeJSON(kind byte, id uint32, message any) []byte {
	payload, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	return Encode(kind, id, payload)
}

// Object reads a payload that has to be an object in JSON.
func Object(payload []byte) (map[string]json.RawMessage, error) {
	var value map[string]json.RawMessage
	if err := json.Unmarshal(payload, &value); err != nil {
		if json.Valid(payload) {
			return nil, fmt.Errorf("A message is not a JSON object")
		}
		return nil, fmt.Errorf("A message is not JSON")
	}
	if value == nil {
		return nil, fmt.Errorf("A message is not a JSON object")
	}
	return value, nil
}
