// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

func TestNetPolicies(t *testing.T) {
	for name, args := range map[string]string{
		"net":        "",
		"net-listen": "--listen --port 80,8000-8080",
		"net-to":     "--to 10.0.0.0/8 --to 2001:db8::1 --not-to 10.1.0.0/16 --port 443",
		"net-udp":    "--op udp,dns --to 192.0.2.1",
		"net-close":  "--op close --port 22",
	} {
		t.Run(name, func(t *testing.T) { goldenPolicy(t, name, append([]string{"net"}, strings.Fields(args)...)...) })
	}
}

func TestNetRefuses(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"--to example.com", `--to "example.com": want an address`},
		{"--to 10.0.0.0/33", `--to "10.0.0.0/33": want an address`},
		{"--to 10.0.0.0/8 --not-to 10.0.0.1/8", `--not-to "10.0.0.1/8": the range is 10.0.0.0/8, or the address alone 10.0.0.1`},
		{"--to fe80::1%eth0", "leave out what follows the %"},
		{"--to ::ffff:10.0.0.0/104", "want a range of IPv4 as such"},
		{"--to 10.0.0.0/8,10.1.0.0/8", "want an address"},
		{"--to=", `--to ""`},
		{"--port 0", `--port "0": want a port from 1 to 65535`},
		{"--port 65536", `--port "65536"`},
		{"--port http", `--port "http"`},
		{"--port 80-", `--port "80-"`},
		{"--port 90-80", "the first port is above the last"},
		{"--port 80,x --to y", `--port "x"`},
		{"--port 80,x --to y", `--to "y"`},
		{"--op conect", `--op "conect": no such operation; did you mean connect?`},
		{"--op connect --listen", "--listen and --op exclude each other"},
		{"--op listen --to 10.0.0.0/8", "who listens has no other end yet"},
		{"--op dns --port 80", "name servers listen on port 53: --port 80 leaves nothing of --op dns"},
		{"--ports 80", "did you mean --port?"},
	} {
		code, stdout, stderr := runPlugin(t, built, append([]string{"net", "--local"}, strings.Fields(test.args)...)...)
		if code != exit.Error || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit code %d, want %q, stderr:\n%s", test.args, code, test.want, stderr)
		}
	}
}

func TestNetHolds(t *testing.T) {
	n := compose.Net{
		To: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}, NotTo: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
		Ports: []compose.Ports{{First: 53, Last: 53}, {First: 8000, Last: 8080}},
	}
	for end, want := range map[string]bool{
		"10.0.0.1:53": true, "[::ffff:10.0.0.1]:53": true, "[2001:db8::1]:8080": true, "10.2.0.1:8000": true,
		"10.1.0.1:53": false, "11.0.0.1:53": false, "10.0.0.1:54": false, "10.0.0.1:8081": false, "[2001:db9::1]:53": false,
	} {
		if a := netip.MustParseAddrPort(end); n.Holds(a.Addr(), a.Port()) != want {
			t.Errorf("%s: %t", end, !want)
		}
	}
}
