package host

import (
	"errors"
	"io"
	"net"
	"time"

	"clauderon.dev/guest/internal/process"
)

// noProcesses runs nothing, whatever is asked.
type noProcesses struct{}

func (noProcesses) StartProcess(process.Spec, process.Owner) (*process.Process, error) {
	return nil, errors.New("nothing runs here")
}
func (noProcesses) Owned() map[int]bool { return nil }

type reader struct{ bytes []byte }

func (r *reader) Read(into []byte) (int, error) {
	if len(r.bytes) == 0 {
		return 0, io.EOF
	}
	count := copy(into, r.bytes)
	r.bytes = r.bytes[count:]
	return count, nil
}

// nowhere takes what is written and has nothing to say.
type nowhere struct{}

func (nowhere) Read([]byte) (int, error)         { return 0, io.EOF }
func (nowhere) Write(bytes []byte) (int, error)  { return len(bytes), nil }
func (nowhere) Close() error                     { return nil }
func (nowhere) LocalAddr() net.Addr              { return nil }
func (nowhere) RemoteAddr() net.Addr             { return nil }
func (nowhere) SetDeadline(time.Time) error      { return nil }
func (nowhere) SetReadDeadline(time.Time) error  { return nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }
