// Package relay carries connections between a port of the sandbox's loopback and the channel.
package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"clauderon.dev/guest/internal/channel"
)

const (
	copyBytes = 32 * 1024
	// A connection waits so long for the channel's first carrier.
	patience = 10 * time.Second
	// A port of the sandbox answers, or refuses, within so long.
	dialTimeout = 5 * time.Second
)

// Listen takes the port on both loopback addresses; that there is no IPv6 is no fault.
func Listen(port int) ([]net.Listener, error) {
	first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy's clients: %w", err)
	}
	listeners := []net.Listener{first}
	if second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port))); err == nil {
		listeners = append(listeners, second)
	}
	return listeners, nil
}

// Serve leads each connection to the proxy, until the listener is closed.
func Serve(listener net.Listener, client *channel.Client) {
	for {
		accepted, err := listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of files: those that are open will be closed.
			time.Sleep(50 * time.Millisecond)
			continue
		}
		go func() {
			stream, err := client.Open(patience)
			if err != nil {
				refuse(accepted, err)
				return
			}
			Join(accepted.(*net.TCPConn), stream)
		}()
	}
}

// Inward connects a stream of the hub to a port of the sandbox's loopback; the proxy's own port would lead back.
func Inward(proxyPort int) channel.Serve {
	return func(stream *channel.Stream, port int) error {
		if port == proxyPort {
			return errors.New("the port is the proxy's")
		}
		dialer := net.Dialer{Timeout: dialTimeout}
		conn, err := dialer.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			conn, err = dialer.Dial("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
		}
		if err != nil {
			return fmt.Errorf("nothing answers on port %d", port)
		}
		stream.Accept()
		Join(conn.(*net.TCPConn), stream)
		return nil
	}
}

// Join carries bytes both ways until both directions have ended; what is broken off at one end is at the other.
func Join(conn *net.TCPConn, stream *channel.Stream) {
	var directions sync.WaitGroup
	directions.Add(2)
	go func() {
		defer directions.Done()
		// Hides ReadFrom and WriteTo, which would bring buffers of their own.
		_, err := io.CopyBuffer(struct{ io.Writer }{conn}, struct{ io.Reader }{stream}, make([]byte, copyBytes))
		if err == nil {
			conn.CloseWrite()
			return
		}
		conn.SetLinger(0)
		conn.Close()
		stream.Close()
	}()
	go func() {
		defer directions.Done()
		_, err := io.CopyBuffer(struct{ io.Writer }{stream}, struct{ io.Reader }{conn}, make([]byte, copyBytes))
		if err == nil {
			stream.CloseWrite()
			return
		}
		stream.Close()
		conn.SetLinger(0)
		conn.Close()
	}()
	directions.Wait()
	conn.Close()
	stream.Close()
}

// What programs say to a proxy is HTTP, and so is what they understand.
func refuse(conn net.Conn, why error) {
	body := fmt.Sprintf("clauderon: the proxy cannot be reached from this sandbox: %s\n", why)
	fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	conn.Close()
}
