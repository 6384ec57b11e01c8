package ring

import (
	"bytes"
	"strconv"
	"strings"
)

const (
	escape = 0x1b
	bell   = 0x07
	// Longest character in UTF-8.
	characterBytes = 4
	// Longer sequences than this carry no mode.
	sequenceBytes = 64
	// So many parameters of a sequence are looked at when it is skipped.
	plainParameterBytes = 60
	modesAtMost         = 64
	keyboardAtMost      = 16
)

type state byte

const (
	ground state = iota
	inEscape
	inSequence
	inString
	inStringEscape
)

type mode struct {
	name  string
	isSet bool
}

// Scanner reads a terminal's output that is no longer kept, and remembers what later output relies on: DEC private modes, the keypad, the kitty
// keyboard flags, xterm's key modifiers, and an escape sequence or character that was cut in two.
type Scanner struct {
	modes               []mode
	keyboard            []string
	isKeypadApplication bool
	modifyOtherKeys     string
	state               state
	pending             []byte
	stringIntroducer    byte
	// Bytes still missing of a character in UTF-8.
	missing int
}

// Scan reads on.
func (s *Scanner) Scan(output []byte) {
	for index := 0; index < len(output); index++ {
		if s.state == ground {
			index = s.skip(output, index)
		}
		s.take(output[index])
	}
}

// Prelude brings a fresh terminal to where the scanned output left it, as far as modes go.
func (s *Scanner) Prelude() []byte {
	var out bytes.Buffer
	for _, mode := range s.modes {
		final := "l"
		if mode.isSet {
			final = "h"
		}
		out.WriteString("\x1b[?" + mode.name + final)
	}
	if s.isKeypadApplication {
		out.WriteString("\x1b=")
	}
	out.WriteString(s.modifyOtherKeys)
	for _, flags := range s.keyboard {
		out.WriteString("\x1b[>" + flags + "u")
	}
	out.Write(s.pending)
	return out.Bytes()
}

// What comes before the next sequence of interest does not matter; where none follows, the last character may have been cut in two.
func (s *Scanner) skip(output []byte, from int) int {
	for at := from; ; {
		found := bytes.IndexByte(output[at:], escape)
		if found < 0 {
			if len(output)-from <= characterBytes {
				return from
			}
			s.forget()
			return len(output) - characterBytes
		}
		at += found
		length := plainSequence(output[at:])
		if length == 0 {
			s.forget()
			return at
		}
		at += length
	}
}

func (s *Scanner) forget() {
	s.missing = 0
	s.pending = s.pending[:0]
}

// plainSequence is the length of a sequence that surely sets no mode, most of them of colour; else 0.
func plainSequence(output []byte) int {
	if len(output) < 3 || output[1] != '[' {
		return 0
	}
	for index := 2; index < len(output) && index <= plainParameterBytes+2; index++ {
		switch b := output[index]; {
		case b >= '0' && b <= ';':
		case b >= '@' && b <= '~':
			return index + 1
		default:
			return 0
		}
	}
	return 0
}

func (s *Scanner) take(b byte) {
	switch s.state {
	case ground:
		s.takeGround(b)
	case inEscape:
		s.takeEscape(b)
	case inSequence:
		s.takeSequence(b)
	case inString, inStringEscape:
		s.takeString(b)
	}
}

func (s *Scanner) takeGround(b byte) {
	switch {
	case b == escape:
		s.begin(b)
	case b >= 0xc0:
		s.missing = 1
		if b >= 0xf0 {
			s.missing = 3
		} else if b >= 0xe0 {
			s.missing = 2
		}
		s.pending = append(s.pending[:0], b)
	case b >= 0x80 && s.missing > 0:
		s.missing--
		if s.missing > 0 {
			s.pending = append(s.pending, b)
		} else {
			s.pending = s.pending[:0]
		}
	default:
		s.forget()
	}
}

func (s *Scanner) begin(b byte) {
	s.state = inEscape
	s.missing = 0
	s.pending = append(s.pending[:0], b)
}

func (s *Scanner) finish() {
	s.state = ground
	s.pending = s.pending[:0]
}

func (s *Scanner) takeEscape(b byte) {
	if b == escape {
		s.begin(b)
		return
	}
	s.pending = append(s.pending, b)
	switch {
	case b == '[':
		s.state = inSequence
	case strings.IndexByte("]PX^_", b) >= 0:
		s.state = inString
		s.stringIntroducer = b
	case b >= 0x20 && b < 0x30 && len(s.pending) < sequenceBytes:
	default:
		if len(s.pending) == 2 {
			s.escapeEnd(b)
		}
		s.finish()
	}
}

func (s *Scanner) escapeEnd(b byte) {
	switch b {
	case 'c':
		s.reset()
	case '=':
		s.isKeypadApplication = true
	case '>':
		s.isKeypadApplication = false
	}
}

func (s *Scanner) reset() {
	s.modes = nil
	s.keyboard = nil
	s.isKeypadApplication = false
	s.modifyOtherKeys = ""
}

func (s *Scanner) takeSequence(b byte) {
	switch {
	case b == escape:
		s.begin(b)
	case b == 0x18 || b == 0x1a:
		s.finish()
	case b < 0x20:
	default:
		s.pending = append(s.pending, b)
		if b >= 0x40 && b <= 0x7e {
			s.sequenceEnd(string(s.pending[2:]))
			s.finish()
		} else if b >= 0x80 || len(s.pending) >= sequenceBytes {
			s.finish()
		}
	}
}

func (s *Scanner) sequenceEnd(body string) {
	final := body[len(body)-1]
	parameters := ""
	if len(body) > 1 {
		parameters = body[1 : len(body)-1]
	}
	switch {
	case body[0] == '?' && (final == 'h' || final == 'l'):
		for _, name := range strings.Split(parameters, ";") {
			if isDigits(name) {
				s.setMode(name, final == 'h')
			}
		}
	case final == 'u':
		s.kitty(body[0], parameters)
	case body[0] == '>' && final == 'm':
		s.modifyOtherKeys = "\x1b[" + body
		if parameters == "4" || parameters == "" {
			s.modifyOtherKeys = ""
		}
	case body == "!p":
		s.reset()
	}
}

// The latest change comes last: some modes (1049, 47) act when they are set.
func (s *Scanner) setMode(name string, isSet bool) {
	for index, known := range s.modes {
		if known.name == name {
			s.modes = append(s.modes[:index], s.modes[index+1:]...)
			break
		}
	}
	if len(s.modes) < modesAtMost {
		s.modes = append(s.modes, mode{name: name, isSet: isSet})
	}
}

func (s *Scanner) kitty(kind byte, parameters string) {
	switch kind {
	case '>':
		s.keyboard = append(s.keyboard, parameters)
		if len(s.keyboard) > keyboardAtMost {
			s.keyboard = s.keyboard[len(s.keyboard)-keyboardAtMost:]
		}
	case '<':
		s.keyboard = s.keyboard[:max(0, len(s.keyboard)-max(1, number(parameters)))]
	case '=':
		flags, how, _ := strings.Cut(parameters, ";")
		how, _, _ = strings.Cut(how, ";")
		before := 0
		if len(s.keyboard) > 0 {
			before = number(s.keyboard[len(s.keyboard)-1])
			s.keyboard = s.keyboard[:len(s.keyboard)-1]
		}
		after := number(flags)
		if how == "2" {
			after |= before
		} else if how == "3" {
			after = before &^ after
		}
		s.keyboard = append(s.keyboard, strconv.Itoa(after))
	}
}

func (s *Scanner) takeString(b byte) {
	if s.state == inStringEscape {
		if b == '\\' {
			s.finish()
			return
		}
		s.begin(escape)
		s.take(b)
		return
	}
	switch {
	case b == escape:
		s.state = inStringEscape
		s.pending = append(s.pending[:min(len(s.pending), sequenceBytes)], b)
	case b == 0x18 || b == 0x1a || (b == bell && s.stringIntroducer == ']'):
		s.finish()
	case len(s.pending) < sequenceBytes:
		s.pending = append(s.pending, b)
	default:
		// Too long to keep: what follows only has to be swallowed, so a string without a meaning does.
		introducer := byte('X')
		if s.stringIntroducer == ']' {
			introducer = ']'
		}
		s.pending = append(s.pending[:0], escape, introducer)
	}
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 0 {
		return 0
	}
	return value
}
