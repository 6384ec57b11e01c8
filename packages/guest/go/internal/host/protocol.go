// Package host serves the host protocol: docs/architecture/host-protocol.md describes it byte by byte.
package host

import (
	"clauderon.dev/guest/internal/process"
)

// ProtocolVersion is the version this program speaks.
const ProtocolVersion = 1

const (
	frameHello     = 0x01
	frameChallenge = 0x02
	frameProof     = 0x03
	frameWelcome   = 0x04
	frameRequest   = 0x10
	frameResponse  = 0x11
	frameFailure   = 0x12
	frameOutput    = 0x20
	frameInput     = 0x21
	frameInputEnd  = 0x22
	frameCredit    = 0x23
	framePause     = 0x24
	frameEnd       = 0x25
	frameCancel    = 0x26
)

const (
	flagReplay  = 1
	flagPrelude = 2
)

// limits are upper bounds that both ends keep to, as the welcome tells them.
var limits = struct {
	FrameBytes           int `json:"frameBytes"`
	HandshakeFrameBytes  int `json:"handshakeFrameBytes"`
	HandshakeMs          int `json:"handshakeMs"`
	OutputBytes          int `json:"outputBytes"`
	InputWindowBytes     int `json:"inputWindowBytes"`
	OutputWindowBytes    int `json:"outputWindowBytes"`
	StreamsPerConnection int `json:"streamsPerConnection"`
	SocketBacklogBytes   int `json:"socketBacklogBytes"`
	RingBytes            int `json:"ringBytes"`
}{
	FrameBytes: 4_194_304, HandshakeFrameBytes: 4096, HandshakeMs: 5000, OutputBytes: 65_536, InputWindowBytes: 262_144,
	OutputWindowBytes: 262_144, StreamsPerConnection: 1024, SocketBacklogBytes: 1_048_576, RingBytes: 524_288,
}

const (
	// Connections that have not proved the key yet.
	strangersAtMost = 64
	defaultGraceMs  = 10_000
)

// Failure is what a client is told when a request cannot be done.
type Failure struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Fix     []string `json:"fix"`
}

func (f *Failure) Error() string { return f.Message }

// Refuse makes a failure; without a fix it says where more stands.
func Refuse(code, message string, fix ...string) *Failure {
	if len(fix) == 0 {
		fix = []string{"see the log of the sandbox"}
	}
	return &Failure{Code: code, Message: message, Fix: fix}
}

func refused(message string) *Failure { return Refuse("request.refused", message) }

func failureOf(err error) *Failure {
	if failure, ok := err.(*Failure); ok {
		return failure
	}
	return Refuse("internal", err.Error())
}

type agentStatus struct {
	State       string        `json:"state"`
	LaunchID    string        `json:"launchId,omitempty"`
	ProcessID   int           `json:"processId,omitempty"`
	StartedAtMs int64         `json:"startedAtMs,omitempty"`
	Exit        *process.Exit `json:"exit,omitempty"`
	Mode        string        `json:"mode,omitempty"`
	Size        *process.Size `json:"size,omitempty"`
}

type sandboxStatus struct {
	SandboxID  string      `json:"sandboxId"`
	InstanceID string      `json:"instanceId"`
	Name       string      `json:"name"`
	Cwd        string      `json:"cwd"`
	State      string      `json:"state"`
	Agent      agentStatus `json:"agent"`
}

type info struct {
	ProcessID   int    `json:"processId"`
	StartedAtMs int64  `json:"startedAtMs"`
	Protocol    int    `json:"protocol"`
	MemoryBytes int64  `json:"memoryBytes"`
	Sandboxes   int    `json:"sandboxes"`
	Connections int    `json:"connections"`
	Guest       string `json:"guest"`
}

type empty struct{}
