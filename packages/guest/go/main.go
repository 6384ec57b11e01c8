// clauderon-guest is the one program of clauderon that runs inside sandboxes of other machines and images.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"clauderon.dev/guest/internal/guest"
	"clauderon.dev/guest/internal/probe"
	"clauderon.dev/guest/internal/report"
)

// Set when it is built.
var version = "development"

const (
	defaultSocket     = "@clauderon-guest"
	defaultHookSocket = "@clauderon-hook"
	defaultGraceMs    = 9000
	collectAtPercent  = 50

	exitUsage  = 2
	exitGotOut = 3
)

const usage = `clauderon-guest run [--socket PATH|@NAME]... [--hook-socket PATH|@NAME] --key-file FILE|- [--proxy-port N] [--channel-socket PATH] [--image-environment] [--grace-ms N]
clauderon-guest connect [--socket PATH|@NAME]     joins standard input and output to a guest
clauderon-guest hook [--hook-socket PATH|@NAME] [EVENT]   reports the object on standard input
clauderon-guest probe [--timeout-ms N] TARGET...  tries tcp:HOST:PORT, udp:HOST:PORT, dns:NAME; exit 3 when one answers
clauderon-guest self-test                         tells whether what the guest needs is there
clauderon-guest version
`

type list []string

func (l *list) String() string { return strings.Join(*l, ",") }
func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func main() {
	arguments := os.Args[1:]
	if len(arguments) == 0 {
		fail(errors.New("a command is missing"))
	}
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	flags.Usage = func() {}
	switch arguments[0] {
	case "run":
		run(flags, arguments[1:])
	case "connect":
		socket := flags.String("socket", defaultSocket, "")
		parse(flags, arguments[1:], 0)
		if err := guest.Connect(*socket, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "clauderon-guest: %s\n", err)
			os.Exit(1)
		}
	case "hook":
		socket := flags.String("hook-socket", defaultHookSocket, "")
		parse(flags, arguments[1:], 1)
		report.Hook(flags.Arg(0), *socket, os.Stdin)
	case "probe":
		timeoutMs := flags.Int("timeout-ms", 2000, "")
		parse(flags, arguments[1:], 64)
		seen, err := probe.Run(flags.Args(), time.Duration(*timeoutMs)*time.Millisecond)
		if err != nil {
			fail(err)
		}
		show(seen)
		if seen.GotOut() {
			os.Exit(exitGotOut)
		}
	case "self-test":
		parse(flags, arguments[1:], 0)
		checks, isWhole := guest.SelfTest()
		show(checks)
		if !isWhole {
			os.Exit(1)
		}
	case "version", "--version":
		fmt.Println(version)
	case "help", "--help", "-h":
		fmt.Print(usage)
	default:
		fail(fmt.Errorf("there is no command %q", arguments[0]))
	}
}

func run(flags *flag.FlagSet, arguments []string) {
	options := guest.Options{Version: version}
	var sockets list
	flags.Var(&sockets, "socket", "")
	flags.StringVar(&options.HookSocket, "hook-socket", defaultHookSocket, "")
	flags.StringVar(&options.KeyFile, "key-file", "", "")
	flags.IntVar(&options.ProxyPort, "proxy-port", 0, "")
	flags.StringVar(&options.ChannelSocket, "channel-socket", "", "")
	flags.BoolVar(&options.HasImage, "image-environment", false, "")
	graceMs := flags.Int("grace-ms", defaultGraceMs, "")
	parse(flags, arguments, 0)
	if options.KeyFile == "" {
		fail(errors.New("--key-file is missing"))
	}
	if options.ProxyPort < 0 || options.ProxyPort > 65_535 || *graceMs < 0 {
		fail(errors.New("--proxy-port is 0 to 65535, --grace-ms at least 0"))
	}
	options.Sockets = sockets
	if len(sockets) == 0 {
		options.Sockets = []string{defaultSocket}
	}
	options.Grace = time.Duration(*graceMs) * time.Millisecond
	debug.SetGCPercent(collectAtPercent)
	exitCode, err := guest.Run(options)
	if err != nil {
		fmt.Fprintf(os.Stderr, "clauderon-guest: %s\n", err)
		os.Exit(1)
	}
	os.Exit(exitCode)
}

func parse(flags *flag.FlagSet, arguments []string, mostArguments int) {
	if err := flags.Parse(arguments); err != nil {
		fail(err)
	}
	if flags.NArg() > mostArguments {
		fail(fmt.Errorf("unexpected argument %q", flags.Arg(mostArguments)))
	}
}

func show(value any) {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "clauderon-guest: %s\n\n%s", err, usage)
	os.Exit(exitUsage)
}
