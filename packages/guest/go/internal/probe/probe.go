// Package probe tries what a sandbox must not reach, and tells what happened.
package probe

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	targetsAtMost = 64
	resolvFile    = "/etc/resolv.conf"
	dnsPort       = "53"
)

// Outcomes of a try. What answers in whatever way was reached, or refused by somebody who can be reached.
const (
	Reached     = "reached"
	Refused     = "refused"
	Unreachable = "unreachable"
	Silent      = "silent"
	Failed      = "failed"
)

// Result of one target.
type Result struct {
	Target    string `json:"target"`
	Outcome   string `json:"outcome"`
	Detail    string `json:"detail,omitempty"`
	ElapsedMs int64  `json:"elapsedMs"`
}

// Interface of the sandbox.
type Interface struct {
	Name       string   `json:"name"`
	IsLoopback bool     `json:"isLoopback"`
	IsUp       bool     `json:"isUp"`
	Addresses  []string `json:"addresses"`
}

// Observation is what was seen.
type Observation struct {
	AtMs       int64       `json:"atMs"`
	Interfaces []Interface `json:"interfaces"`
	Results    []Result    `json:"results"`
}

// GotOut tells whether any target answered.
func (o Observation) GotOut() bool {
	for _, result := range o.Results {
		if result.Outcome == Reached || result.Outcome == Refused {
			return true
		}
	}
	return false
}

// Run tries all targets at once: `tcp:HOST:PORT`, `udp:HOST:PORT` (a question is sent, an answer awaited), `dns:NAME` (asked of the sandbox's own name servers).
func Run(targets []string, timeout time.Duration) (Observation, error) {
	if len(targets) > targetsAtMost {
		return Observation{}, fmt.Errorf("more than %d targets", targetsAtMost)
	}
	seen := Observation{AtMs: time.Now().UnixMilli(), Interfaces: interfaces(), Results: make([]Result, len(targets))}
	var tries sync.WaitGroup
	for index, target := range targets {
		kind, where, ok := strings.Cut(target, ":")
		if !ok || (kind != "tcp" && kind != "udp" && kind != "dns") || where == "" {
			return Observation{}, fmt.Errorf("a target is tcp:HOST:PORT, udp:HOST:PORT or dns:NAME, not %q", target)
		}
		tries.Add(1)
		go func() {
			defer tries.Done()
			started := time.Now()
			outcome, detail := try(kind, where, timeout)
			seen.Results[index] = Result{Target: target, Outcome: outcome, Detail: detail, ElapsedMs: time.Since(started).Milliseconds()}
		}()
	}
	tries.Wait()
	return seen, nil
}

func try(kind, where string, timeout time.Duration) (outcome, detail string) {
	switch kind {
	case "tcp":
		conn, err := net.DialTimeout("tcp", where, timeout)
		if err != nil {
			return outcomeOf(err)
		}
		conn.Close()
		return Reached, ""
	case "udp":
		return exchange(where, question("example.com"), timeout)
	}
	servers := nameServers()
	if len(servers) == 0 {
		return Unreachable, "no name server"
	}
	for _, server := range servers {
		outcome, detail = exchange(net.JoinHostPort(server, dnsPort), question(where), timeout)
		if outcome == Reached || outcome == Refused {
			return outcome, detail
		}
	}
	return outcome, detail
}

func exchange(where string, message []byte, timeout time.Duration) (outcome, detail string) {
	conn, err := net.DialTimeout("udp", where, timeout)
	if err != nil {
		return outcomeOf(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(timeout))
	if _, err := conn.Write(message); err != nil {
		return outcomeOf(err)
	}
	if _, err := conn.Read(make([]byte, 1500)); err != nil {
		return outcomeOf(err)
	}
	return Reached, ""
}

func outcomeOf(err error) (outcome, detail string) {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return Refused, err.Error()
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES),
		errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.ENETDOWN):
		return Unreachable, err.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Silent, err.Error()
	}
	var timed net.Error
	if errors.As(err, &timed) && timed.Timeout() {
		return Silent, err.Error()
	}
	return Failed, err.Error()
}

// question asks for the address of a name.
func question(name string) []byte {
	id := make([]byte, 2)
	rand.Read(id)
	message := append(id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for _, label := range strings.Split(strings.Trim(name, "."), ".") {
		label = label[:min(len(label), 63)]
		message = append(append(message, byte(len(label))), label...)
	}
	message = append(message, 0)
	message = binary.BigEndian.AppendUint16(message, 1)
	return binary.BigEndian.AppendUint16(message, 1)
}

func nameServers() []string {
	text, err := os.ReadFile(resolvFile)
	if err != nil {
		return nil
	}
	return ParseNameServers(string(text))
}

// ParseNameServers reads a resolv.conf.
func ParseNameServers(text string) []string {
	var servers []string
	for _, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "nameserver" && len(servers) < 3 {
			servers = append(servers, fields[1])
		}
	}
	return servers
}

func interfaces() []Interface {
	all, err := net.Interfaces()
	seen := []Interface{}
	if err != nil {
		return seen
	}
	for _, one := range all {
		addresses := []string{}
		if list, err := one.Addrs(); err == nil {
			for _, address := range list {
				addresses = append(addresses, address.String())
			}
		}
		seen = append(seen, Interface{
			Name: one.Name, IsLoopback: one.Flags&net.FlagLoopback != 0, IsUp: one.Flags&net.FlagUp != 0, Addresses: addresses,
		})
	}
	return seen
}
