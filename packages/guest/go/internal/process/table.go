package process

import (
	"os"
	"strconv"
	"strings"
)

// Entry is one living process.
type Entry struct {
	ID, Parent, Group, Session int
	HasTerminal                bool
	// With the id it names one process for ever.
	StartTime   string
	Environment []string
}

func (e Entry) identity() string { return strconv.Itoa(e.ID) + ":" + e.StartTime }

func (e Entry) has(variable string) bool {
	for _, one := range e.Environment {
		if one == variable {
			return true
		}
	}
	return false
}

// table is every process that has not ended (zombies left out); with a gap, one ended while the others were read, and what it started meanwhile may be missing.
func table() (entries []Entry, hasGap bool) {
	directory, err := os.Open("/proc")
	if err != nil {
		return nil, true
	}
	defer directory.Close()
	names, err := directory.Readdirnames(-1)
	if err != nil {
		return nil, true
	}
	for _, name := range names {
		id, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			hasGap = true
			continue
		}
		entry, isAlive, ok := ParseStat(id, string(text))
		if !ok || !isAlive {
			continue
		}
		if environment, err := os.ReadFile("/proc/" + name + "/environ"); err == nil {
			entry.Environment = strings.Split(string(environment), "\x00")
		}
		entries = append(entries, entry)
	}
	return entries, hasGap
}

// ParseStat reads a line of /proc/ID/stat, in which the program's name stands in parentheses and may hold anything.
func ParseStat(id int, text string) (entry Entry, isAlive, ok bool) {
	_, rest, found := cutLast(text, ')')
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return Entry{}, false, false
	}
	number := func(index int) int {
		value, err := strconv.Atoi(fields[index])
		if err != nil {
			return 0
		}
		return value
	}
	entry = Entry{ID: id, Parent: number(1), Group: number(2), Session: number(3), HasTerminal: fields[4] != "0", StartTime: fields[19]}
	return entry, fields[0] != "Z" && fields[0] != "X", true
}

func cutLast(text string, separator byte) (before, after string, found bool) {
	if at := strings.LastIndexByte(text, separator); at >= 0 {
		return text[:at], text[at+1:], true
	}
	return text, "", false
}

// ignores tells whether the process ignores a signal.
func ignores(id int, signal int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(id) + "/status")
	if err != nil {
		return false
	}
	_, rest, found := strings.Cut(string(text), "\nSigIgn:")
	if !found {
		return false
	}
	line, _, _ := strings.Cut(rest, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && mask&(1<<(signal-1)) != 0
}
