package guest

import (
	"fmt"
	"io"
	"net"
)

// Connect joins two streams to a guest's socket, until the guest hangs up. It is how an engine's exec becomes a carrier.
func Connect(socket string, input io.Reader, output io.Writer) error {
	dialled, err := net.Dial("unix", socket)
	if err != nil {
		return fmt.Errorf("reach the guest: %w", err)
	}
	conn, _ := dialled.(*net.UnixConn)
	defer conn.Close()
	go func() {
		io.Copy(conn, input)
		conn.CloseWrite()
	}()
	if _, err := io.Copy(output, conn); err != nil {
		return fmt.Errorf("carry what the guest says: %w", err)
	}
	return nil
}
