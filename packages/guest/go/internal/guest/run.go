// Package guest puts the parts together: what `clauderon-guest run` does.
package guest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"clauderon.dev/guest/internal/channel"
	"clauderon.dev/guest/internal/host"
	"clauderon.dev/guest/internal/probe"
	"clauderon.dev/guest/internal/process"
	"clauderon.dev/guest/internal/relay"
	"clauderon.dev/guest/internal/report"
)

const (
	keyBytes           = 32
	shortestRedial     = 20 * time.Millisecond
	longestRedial      = time.Second
	largestProbe       = 10_000
	defaultProbe       = 2000
	prctlDumpable      = 4
	prctlSubreaper     = 36
	ownVariablesPrefix = "CLAUDERON_GUEST_"
)

// Options of a run, as they stand on its command line.
type Options struct {
	Version string
	// Paths, or `@NAME` for a socket without a place in the file system.
	Sockets       []string
	HookSocket    string
	KeyFile       string
	ProxyPort     int
	ChannelSocket string
	HasImage      bool
	Grace         time.Duration
}

// Run serves until a signal ends it, and gives the exit code.
func Run(options Options) (int, error) {
	key, err := takeKey(options.KeyFile)
	if err != nil {
		return 0, err
	}
	// Neither memory nor environment of this process is for others of its user.
	if _, _, failure := syscall.Syscall6(syscall.SYS_PRCTL, prctlDumpable, 0, 0, 0, 0, 0); failure != 0 {
		return 0, fmt.Errorf("protect the memory: %w", failure)
	}
	if os.Getpid() != 1 {
		if _, _, failure := syscall.Syscall6(syscall.SYS_PRCTL, prctlSubreaper, 1, 0, 0, 0, 0); failure != 0 {
			return 0, fmt.Errorf("take over orphans: %w", failure)
		}
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	lost := make(chan struct{}, 1)
	client := channel.NewClient(relay.Inward(options.ProxyPort), func() {
		select {
		case lost <- struct{}{}:
		default:
		}
	})
	reports := report.NewQueue()
	served := host.New(host.Options{
		Key: key, Version: options.Version, Processes: process.NewReaper(), Environment: imageEnvironment(options.HasImage), Log: log,
		Methods: map[string]host.Method{"report.wait": waitForReports(reports), "egress.probe": runProbe},
		Carry: func(connection net.Conn) {
			if err := client.Attach(connection); err != nil {
				log("a carrier did not lead to the channel: " + err.Error())
			}
		},
	})
	if err := listen(options, served, reports, client); err != nil {
		return 0, err
	}
	if options.ChannelSocket != "" {
		go keepChannel(options.ChannelSocket, client, lost)
	}
	log("runs as process " + fmt.Sprint(os.Getpid()))
	return untilEnd(served, signals, options.Grace), nil
}

func listen(options Options, served *host.Host, reports *report.Queue, client *channel.Client) error {
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	for _, path := range options.Sockets {
		listener, err := listenUnix(path)
		if err != nil {
			return err
		}
		go served.Serve(listener)
	}
	if options.HookSocket != "" {
		listener, err := listenUnix(options.HookSocket)
		if err != nil {
			return err
		}
		go reports.Serve(listener)
	}
	if options.ProxyPort == 0 {
		return nil
	}
	listeners, err := relay.Listen(options.ProxyPort)
	for _, listener := range listeners {
		go relay.Serve(listener, client)
	}
	return err
}

func listenUnix(path string) (net.Listener, error) {
	if !strings.HasPrefix(path, "@") {
		// Of a guest that has ended: a socket cannot be listened on twice.
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("remove the old socket: %w", err)
		}
	}
	return net.Listen("unix", path)
}

// takeKey reads the key and leaves none behind. `-` is the standard input.
func takeKey(path string) ([]byte, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(io.LimitReader(os.Stdin, 4*keyBytes))
	} else if text, err = os.ReadFile(path); err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return nil, fmt.Errorf("take the key: %w", err)
	}
	key, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("the key in %s is not %d bytes in hexadecimal", path, keyBytes)
	}
	return key, nil
}

func imageEnvironment(hasImage bool) map[string]string {
	environment := map[string]string{}
	if !hasImage {
		return environment
	}
	for _, one := range os.Environ() {
		name, value, ok := strings.Cut(one, "=")
		if ok && name != "" && !strings.HasPrefix(name, ownVariablesPrefix) {
			environment[name] = value
		}
	}
	return environment
}

// keepChannel dials the hub's socket, and again whenever the carrier is lost.
func keepChannel(path string, client *channel.Client, lost <-chan struct{}) {
	pause := shortestRedial
	for {
		conn, err := net.Dial("unix", path)
		if err == nil {
			if err = client.Attach(conn); err == nil {
				pause = shortestRedial
				<-lost
				continue
			}
		}
		time.Sleep(pause)
		pause = min(pause*2, longestRedial)
	}
}

func waitForReports(reports *report.Queue) host.Method {
	return func(parameters host.Parameters, given <-chan struct{}) (any, error) {
		since, err := parameters.Count("since", 0)
		if err != nil {
			return nil, err
		}
		return reports.Wait(since, given), nil
	}
}

func runProbe(parameters host.Parameters, _ <-chan struct{}) (any, error) {
	targets, err := parameters.Texts("targets")
	if err != nil {
		return nil, err
	}
	timeout, err := parameters.Count("timeoutMs", defaultProbe)
	if err != nil {
		return nil, err
	}
	seen, err := probe.Run(targets, time.Duration(min(timeout, largestProbe))*time.Millisecond)
	if err != nil {
		return nil, host.Refuse("request.refused", err.Error())
	}
	return seen, nil
}

func log(message string) {
	fmt.Fprintf(os.Stderr, "%s clauderon-guest: %s\n", time.Now().UTC().Format(time.RFC3339), message)
}
