// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

const whyMemory = "the addresses are in the memory of the program, any number of them"

// Where something is denied to arrive: each way has a network of its own.
const (
	byTCP = "network then arrives tcp 5000 O/witness then "
	byUDP = "network then arrives udp 5000 O/witness then "
	byRaw = "network then arrives raw 0 O/witness then "
)

// waysToConnect are ways to get something to the address that `enforce --deny-connect` denies. In do, O is a folder.
var waysToConnect = []attempt{
	{way: "TCP: connect", do: byTCP + "try connect 127.0.0.1 5000", full: denied, seen: mayHappen},
	{way: "TCP: connect to ::ffff:ADDRESS", do: byTCP + "try connect ::ffff:127.0.0.1 5000", full: denied, seen: mayHappen},
	{way: "TCP: sendto with MSG_FASTOPEN", do: byTCP + "try fast-open 127.0.0.1 5000 hello", full: denied, seen: mayHappen},
	{way: "TCP: sendmsg with MSG_FASTOPEN", do: byTCP + "try fast-open-msg 127.0.0.1 5000 hello", full: denied, seen: mayHappen},
	{way: "TCP: io_uring connect", do: byTCP + "try uring-connect 127.0.0.1 5000", full: denied, seen: open, seenWhy: whyUring},
	{way: "UDP: connect and send", do: byUDP + "try connect-udp 127.0.0.1 5000 then try send hello", full: denied, seen: mayHappen},
	{way: "UDP: sendto", do: byUDP + "try send-to 127.0.0.1 5000 hello", full: denied, seen: mayHappen},
	{way: "UDP: sendto ::ffff:ADDRESS", do: byUDP + "try send-to ::ffff:127.0.0.1 5000 hello", full: denied, seen: mayHappen},
	{way: "UDP: sendmsg", do: byUDP + "try sendmsg-to 127.0.0.1 5000 hello", full: denied, seen: mayHappen},
	{way: "UDP: sendmmsg, the first two messages", do: byUDP + "try sendmmsg-to 127.0.0.1 5000 hello 2", full: denied, seen: mayHappen},
	{way: "UDP: sendmmsg, those after", do: byUDP + "try sendmmsg-to 127.0.0.1 5000 hello 3", full: denied, seen: open, seenWhy: whyMemory},
	{way: "UDP: io_uring sendmsg", do: byUDP + "try uring-sendmsg-to 127.0.0.1 5000 hello", full: denied, seen: open, seenWhy: whyUring},
	{way: "a raw socket", do: byRaw + "try send-raw 127.0.0.1 hello", full: denied, seen: mayHappen},
	{way: "int 0x80: connect", do: byTCP + "try connect-32 127.0.0.1 5000", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "int 0x80: socketcall, connect", do: byTCP + "try socketcall-connect 127.0.0.1 5000", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "int 0x80: socketcall, sendto", do: byUDP + "try socketcall-send-to 127.0.0.1 5000 hello", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "int 0x80: socketcall, sendmsg", do: byUDP + "try socketcall-sendmsg 127.0.0.1 5000 hello", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "int 0x80: sendmsg", do: byUDP + "try sendmsg-32 127.0.0.1 5000 hello", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
}

// elsewhere are the same to another address, which nothing may hinder.
var elsewhere = map[string]string{
	"tcp": "network then listen 127.0.0.2 5001 then connect 127.0.0.2 5001",
	"udp": "network then receive 127.0.0.2 5000 then send-to 127.0.0.2 5000 hello",
}

// reached goes all ways, under the policy of --deny-connect that is armed or not, and says of each whether anything arrived.
func reached(t *testing.T, armed bool, d compose.Denial) (did []outcome) {
	t.Helper()
	text, err := compose.YAML(compose.DenyConnect([]string{"127.0.0.1/32"}, d))
	if err != nil {
		t.Fatal(err)
	}
	base := newFolder(t, "")
	o := harness.Options{Enforce: armed, Allowed: map[string][]int{}}
	var steps []harness.Step
	for n := range waysToConnect {
		in, label := places(base, n), strconv.Itoa(n)
		if err := os.MkdirAll(in["O"], 0o755); err != nil {
			t.Fatal(err)
		}
		o.Allowed[label] = anyStatus
		steps = append(steps, harness.Step{Label: label, Do: waysToConnect[n].fill(in)})
	}
	for name, do := range elsewhere {
		steps = append(steps, harness.Step{Label: name, Do: do})
	}
	result := harness.Run(t, string(text), o, steps...)
	for n := range waysToConnect {
		_, err := os.Stat(filepath.Join(places(base, n)["O"], "witness"))
		switch {
		case slices.Contains(result.Status[strconv.Itoa(n)], killed):
			did = append(did, mayHappen)
		case err == nil:
			did = append(did, open)
		default:
			did = append(did, denied)
		}
	}
	return did
}

// TestWaysToConnect: what docs/enforce.md says of every way to an address that --deny-connect denies is so, by whatever protocol. That
// each is one is seen in a run that denies nothing.
func TestWaysToConnect(t *testing.T) {
	full := harness.FullTier(t)
	compareWays(t, waysToConnect, full, reached(t, false, compose.Denial{Kill: !full}), reached(t, true, compose.Denial{Kill: !full}))
}
