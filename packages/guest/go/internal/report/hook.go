package report

import (
	"encoding/json"
	"io"
	"net"
	"sort"
	"time"
)

const (
	hookInputBytes  = 1024 * 1024
	hookMemberBytes = 2048
	hookTotalBytes  = 24 * 1024
	// An agent waits for its hooks; this one never holds it up for longer.
	hookTimeout = 250 * time.Millisecond
)

// Hook sends what stands in the input to the guest. It says nothing and never fails: a report that is lost costs less than an agent that stops.
func Hook(event, socket string, input io.Reader) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		bytes, err := io.ReadAll(io.LimitReader(input, hookInputBytes))
		if err != nil {
			return
		}
		conn, err := net.DialTimeout("unix", socket, hookTimeout)
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(hookTimeout))
		conn.Write(Encode(event, bytes))
	}()
	select {
	case <-done:
	case <-time.After(hookTimeout):
	}
}

// Encode makes a report of a hook's input, without what is too large for one.
func Encode(event string, input []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(input, &members) != nil {
		members = nil
	}
	report := Report{Event: event, Payload: map[string]json.RawMessage{}}
	if event == "" {
		json.Unmarshal(members["hook_event_name"], &report.Event)
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	sort.Strings(names)
	total := 0
	for _, name := range names {
		size := len(name) + len(members[name])
		if size > hookMemberBytes || total+size > hookTotalBytes || len(report.Payload) >= membersAtMost {
			if len(report.Omitted) < omittedAtMost && len(name) <= 64 {
				report.Omitted = append(report.Omitted, name)
			}
			continue
		}
		total += size
		report.Payload[name] = members[name]
	}
	bytes, err := json.Marshal(report)
	if err != nil {
		return nil
	}
	return bytes
}
