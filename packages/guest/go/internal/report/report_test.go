package report

import (
	"encoding/json"
	"strings"
	"testing"

	"clauderon.dev/guest/internal/inputs"
)

var seeds = [][]byte{
	[]byte(`{"event":"Stop","payload":{"session_id":"s","stop_hook_active":false}}`), []byte(`{"event":"x","payload":null,"omitted":["tool_input"]}`),
	[]byte(`{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"}}`), []byte(`{"sequence":-1,"atMs":5,"event":"E","payload":{}}`), []byte(`[]`),
}

// Whatever a hook hands over becomes a report that is taken, or has no event; whatever comes on the socket is a report of the right form, or none.
func check(t *testing.T, input []byte) {
	if report, err := Parse(input); err == nil {
		if report.Payload == nil || report.Sequence != 0 || report.AtMs != 0 || len(report.Payload) > membersAtMost {
			t.Errorf("%q gave %v", input, report)
		}
		if _, err := json.Marshal(report); err != nil {
			t.Errorf("%q cannot be told: %v", input, err)
		}
	}
	bytes := Encode("Stop", input)
	if _, err := Parse(bytes); err != nil {
		t.Errorf("%q made %q: %v", input, bytes, err)
	}
	Encode("", input)
}

func TestReportsOfHostileAgent(t *testing.T) {
	inputs.Each(t, seeds, func(input []byte) { check(t, input) })
}

func FuzzReports(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(check)
}

func TestWhatIsTooLargeStaysBehind(t *testing.T) {
	input := `{"hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{"content":"` + strings.Repeat("x", 100_000) + `"}}`
	report, err := Parse(Encode("", []byte(input)))
	if err != nil || report.Event != "PreToolUse" || string(report.Payload["tool_name"]) != `"Write"` || strings.Join(report.Omitted, ",") != "tool_input" {
		t.Error(report, err)
	}
}

func TestOldestReportsGoFirstAndAreCounted(t *testing.T) {
	queue := NewQueue()
	given := make(chan struct{})
	close(given)
	for range reportsAtMost + 10 {
		queue.Add(Report{Event: "E"}, 100)
	}
	answer := queue.Wait(4, given)
	if len(answer.Reports) != reportsAtMost || answer.Lost != 6 || answer.Reports[0].Sequence != 11 {
		t.Error(len(answer.Reports), answer.Lost, answer.Reports[0].Sequence)
	}
	queue.Add(Report{Event: "large"}, keptBytesAtMost)
	if answer := queue.Wait(0, given); len(answer.Reports) != 1 || answer.Reports[0].Event != "large" {
		t.Error(len(answer.Reports))
	}
	if answer := queue.Wait(answer.Reports[len(answer.Reports)-1].Sequence+1, given); len(answer.Reports) != 0 || answer.Lost != 0 {
		t.Error(answer)
	}
}
