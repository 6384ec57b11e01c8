package host

import (
	"encoding/json"
	"strings"

	"clauderon.dev/guest/internal/process"
)

const (
	largestCount  = 1<<53 - 1
	largestExtent = 10_000
)

// Parameters of a request: the border where a client's JSON gets types.
type Parameters map[string]json.RawMessage

func wanted(name, what string) error { return refused("The parameter " + name + " must be " + what) }

func (p Parameters) has(name string) bool {
	_, ok := p[name]
	return ok
}

func (p Parameters) read(name string, into any) bool {
	raw, ok := p[name]
	return ok && string(raw) != "null" && json.Unmarshal(raw, into) == nil
}

// Text is not empty and has no NUL.
func (p Parameters) Text(name string) (string, error) {
	var value string
	if !p.read(name, &value) || value == "" || strings.Contains(value, "\x00") {
		return "", wanted(name, "text")
	}
	return value, nil
}

func (p Parameters) optionalText(name string) (string, error) {
	if !p.has(name) {
		return "", nil
	}
	return p.Text(name)
}

// Count is a whole number, or the fallback when there is none.
func (p Parameters) Count(name string, fallback int) (int, error) {
	if raw, ok := p[name]; !ok || string(raw) == "null" {
		return fallback, nil
	}
	var value float64
	if !p.read(name, &value) || value < 0 || value > largestCount || value != float64(int(value)) {
		return 0, wanted(name, "a whole number")
	}
	return int(value), nil
}

func (p Parameters) flag(name string) bool {
	var value bool
	return p.read(name, &value) && value
}

func (p Parameters) argv(name string) ([]string, error) {
	var raw []json.RawMessage
	if !p.read(name, &raw) || len(raw) == 0 {
		return nil, wanted(name, "a list of texts without NUL, at least one")
	}
	argv := make([]string, len(raw))
	for index, item := range raw {
		if !isText(item, &argv[index]) {
			return nil, wanted(name, "a list of texts without NUL, at least one")
		}
	}
	return argv, nil
}

// environment is nil when none is given.
func (p Parameters) environment(name string) (map[string]string, error) {
	if !p.has(name) {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	if !p.read(name, &raw) {
		return nil, wanted(name, "an object of texts")
	}
	environment := make(map[string]string, len(raw))
	for key, item := range raw {
		var value string
		if !isText(item, &value) || key == "" || strings.ContainsAny(key, "=\x00") {
			return nil, wanted(name, "an object of texts without NUL")
		}
		environment[key] = value
	}
	return environment, nil
}

func (p Parameters) size(name string) (*process.Size, error) {
	if !p.has(name) {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	if !p.read(name, &raw) {
		return nil, wanted(name, "a size of 1 to 10000 columns and rows")
	}
	extents := Parameters(raw)
	columns, columnsError := extents.Count("columns", 0)
	rows, rowsError := extents.Count("rows", 0)
	if columnsError != nil || rowsError != nil || columns < 1 || rows < 1 || columns > largestExtent || rows > largestExtent {
		return nil, wanted(name, "a size of 1 to 10000 columns and rows")
	}
	return &process.Size{Columns: columns, Rows: rows}, nil
}

func isText(raw json.RawMessage, into *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, into) == nil && !strings.Contains(*into, "\x00")
}

// Texts is a list of texts, which may be empty.
func (p Parameters) Texts(name string) ([]string, error) {
	var raw []json.RawMessage
	if !p.read(name, &raw) {
		return nil, wanted(name, "a list of texts")
	}
	texts := make([]string, len(raw))
	for index, item := range raw {
		if !isText(item, &texts[index]) {
			return nil, wanted(name, "a list of texts")
		}
	}
	return texts, nil
}
