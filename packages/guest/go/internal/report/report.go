// Package report takes what an agent's hooks tell, which is data of a stranger, and keeps it for the daemon.
package report

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"regexp"
	"sync"
	"time"
)

const (
	reportBytes      = 32 * 1024
	membersAtMost    = 64
	omittedAtMost    = 64
	reportsAtMost    = 256
	keptBytesAtMost  = 1024 * 1024
	connectionsAtOne = 16
	readTimeout      = time.Second
)

var eventName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// Report is one hook's word.
type Report struct {
	Sequence int                        `json:"sequence,omitempty"`
	AtMs     int64                      `json:"atMs,omitempty"`
	Event    string                     `json:"event"`
	Payload  map[string]json.RawMessage `json:"payload"`
	// Members that were too large to come along.
	Omitted []string `json:"omitted,omitempty"`
}

// Parse reads what came on the socket.
func Parse(bytes []byte) (Report, error) {
	var report Report
	if len(bytes) > reportBytes {
		return report, errors.New("a report is too long")
	}
	if err := json.Unmarshal(bytes, &report); err != nil {
		return Report{}, errors.New("a report is not an object in JSON")
	}
	if !eventName.MatchString(report.Event) || len(report.Payload) > membersAtMost || len(report.Omitted) > omittedAtMost {
		return Report{}, errors.New("a report has members that are missing or wrong")
	}
	if report.Payload == nil {
		report.Payload = map[string]json.RawMessage{}
	}
	report.Sequence, report.AtMs = 0, 0
	return report, nil
}

type waitingReport struct {
	Report
	bytes int
}

// Queue keeps the latest reports until the daemon has asked for those after them.
type Queue struct {
	mu      sync.Mutex
	reports []waitingReport
	bytes   int
	last    int
	// Closed and replaced at each report.
	more chan struct{}
}

// NewQueue makes an empty one.
func NewQueue() *Queue { return &Queue{more: make(chan struct{})} }

// Add keeps a report; the oldest go when there are too many.
func (q *Queue) Add(report Report, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	report.Sequence, report.AtMs = q.last, time.Now().UnixMilli()
	q.reports = append(q.reports, waitingReport{Report: report, bytes: bytes})
	q.bytes += bytes
	for len(q.reports) > reportsAtMost || q.bytes > keptBytesAtMost {
		q.bytes -= q.reports[0].bytes
		q.reports[0] = waitingReport{}
		q.reports = q.reports[1:]
	}
	close(q.more)
	q.more = make(chan struct{})
}

// Answer is what there is after a sequence; lost counts reports that came after it and are no longer kept.
type Answer struct {
	Reports []Report `json:"reports"`
	Lost    int      `json:"lost"`
}

// Wait gives the reports after that sequence, as soon as there are any. A sequence from before a restart of the guest gives all.
func (q *Queue) Wait(since int, given <-chan struct{}) Answer {
	for {
		q.mu.Lock()
		answer := q.after(since)
		more := q.more
		q.mu.Unlock()
		if len(answer.Reports) > 0 {
			return answer
		}
		select {
		case <-more:
		case <-given:
			return answer
		}
	}
}

func (q *Queue) after(since int) Answer {
	if since > q.last {
		since = 0
	}
	answer := Answer{Reports: []Report{}}
	for _, one := range q.reports {
		if one.Sequence > since {
			answer.Reports = append(answer.Reports, one.Report)
		}
	}
	answer.Lost = q.last - since - len(answer.Reports)
	return answer
}

// Serve takes one report per connection, until the listener is closed.
func (q *Queue) Serve(listener net.Listener) {
	places := make(chan struct{}, connectionsAtOne)
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		select {
		case places <- struct{}{}:
		default:
			accepted.Close()
			continue
		}
		go func() {
			defer func() { <-places }()
			defer accepted.Close()
			accepted.SetDeadline(time.Now().Add(readTimeout))
			bytes, err := io.ReadAll(io.LimitReader(accepted, reportBytes+1))
			if err != nil {
				return
			}
			if report, err := Parse(bytes); err == nil {
				q.Add(report, len(bytes))
			}
		}()
	}
}
