package probe

import (
	"net"
	"testing"
	"time"
)

func TestWhatAnswersIsReachedOrRefused(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	where := listener.Addr().String()
	seen, err := Run([]string{"tcp:" + where}, 5*time.Second)
	if err != nil || seen.Results[0].Outcome != Reached || !seen.GotOut() {
		t.Error(seen, err)
	}
	listener.Close()
	seen, err = Run([]string{"tcp:" + where, "udp:" + where}, 5*time.Second)
	if err != nil || seen.Results[0].Outcome != Refused || seen.Results[1].Outcome != Refused {
		t.Error(seen, err)
	}
	if _, err := Run([]string{"icmp:1.1.1.1"}, time.Second); err == nil {
		t.Error("a target of another kind was taken")
	}
}

func TestNameServersAreRead(t *testing.T) {
	servers := ParseNameServers("# a\nsearch x\nnameserver 127.0.0.11\n nameserver  ::1 \nnameserver\n")
	if len(servers) != 2 || servers[0] != "127.0.0.11" || servers[1] != "::1" {
		t.Error(servers)
	}
}
