// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// seekPolicy watches lseek in what `scenario seek` does; rest is the hook's, in YAML.
const seekPolicy = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: seeks}
spec:
  kprobes:
  - call: sys_lseek
    syscall: true
    args: [{index: 1, type: int64}]
`

// seekCase is a way to watch number calls in each of two processes.
type seekCase struct {
	name, rest string
	// emitted events: the calls that the policy asks for, as testdata/scenario.c makes them.
	emitted func(number uint64) uint64
	// limited: the policy has a rate limit, so that most are left out.
	limited bool
	// apart: the policy is armed, so that what it could stop is told at the entry, and the return by another record.
	apart bool
}

// neverSignalled is a selector that no call matches.
const neverSignalled = "{matchArgs: [{index: 1, operator: LT, values: [\"0\"]}], matchActions: [{action: Signal, argSig: 10}]}"

var seekCases = []seekCase{
	{name: "entry", emitted: func(n uint64) uint64 { return 2 * n }},
	{name: "entry and return", rest: "    return: true\n    returnArg: {type: int64}\n", emitted: func(n uint64) uint64 { return 2 * n }},
	{name: "return filter", rest: "    return: true\n    returnArg: {type: int64}\n" +
		"    selectors: [{matchReturnArgs: [{index: 0, operator: LT, values: [\"1000\"]}]}]\n",
		emitted: func(n uint64) uint64 { return 2 * min(n, 1000) }},
	{name: "entry and return apart", rest: "    return: true\n    returnArg: {type: int64}\n    selectors: [" + neverSignalled + ", {}]\n",
		emitted: func(n uint64) uint64 { return 2 * n }, apart: true},
	{name: "return filter apart", rest: "    return: true\n    returnArg: {type: int64}\n" +
		"    selectors: [" + neverSignalled + ", {matchReturnArgs: [{index: 0, operator: LT, values: [\"1000\"]}]}]\n",
		emitted: func(n uint64) uint64 { return 2 * min(n, 1000) }, apart: true},
	{name: "rate limit", rest: "    selectors: [{matchActions: [{action: Post, rateLimit: 1h, rateLimitScope: global}]}]\n",
		emitted: func(n uint64) uint64 { return 2 * n }, limited: true},
}

// rings: one that nothing overflows as long as the tracer is awake; one that overflows all the time; and the same where nobody may
// fill it.
var rings = map[string]Limits{"room": {RingBytes: 64 << 20}, "full": {RingBytes: 4 << 10, Unshared: true}, "throttled": {RingBytes: 4 << 10}}

// TestCallsAreCountedExactly: told + left out by a rate limit + throttled + lost = made, of each way to watch, with room in the ring
// and without.
func TestCallsAreCountedExactly(t *testing.T) {
	number := uint64(100000)
	if testing.Short() {
		number = 10000
	}
	for _, c := range seekCases {
		for name, limits := range rings {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				totals := seek(t, seekPolicy+c.rest, number, limits, func(config *wire.TracerConfig) { config.Enforce = c.apart }).bye.Totals
				const life = 3 // one exec, two exits
				got, unknown := totals.Events+totals.RateLimited+totals.Throttled+sum(totals.Lost), mayMiss(t, totals.Lost)
				if want := c.emitted(number) + life; got < want || got > want+unknown {
					t.Errorf("%d are told, left out or lost, %d were made: %+v", got, want, totals)
				}
				if full := totals.Lost[event.LostRing] > 0; full != (name == "full") && !c.limited {
					t.Errorf("lost %v", totals.Lost)
				}
				// With room the ring is filled all the same while the output is slow.
				if throttled := totals.Throttled > 0; throttled != (name == "throttled") && name != "room" && !c.limited {
					t.Errorf("throttled %d", totals.Throttled)
				}
				// The limit is for what both processes do; the kernel may have left out one of them altogether.
				if repeated := totals.Lost[event.LostMissed] < number; c.limited != (totals.RateLimited > 0) && (repeated || !c.limited) {
					t.Errorf("left out %d", totals.RateLimited)
				}
				t.Logf("%+v", totals)
			})
		}
	}
}

// mayMiss is how many runs of programs the kernel left out, of calls that may have been events or not, and how many calls it seems to
// have nested because the return of one before was left out. Kernels before 6.13 do not preempt programs, and leave out none.
func mayMiss(t *testing.T, lost map[string]uint64) uint64 {
	t.Helper()
	missed := lost[event.LostMissed] + lost[event.LostNested]
	if missed > 0 && !kernel.AtLeast(6, 13) {
		t.Errorf("lost %v", lost)
	}
	return missed
}

// seek traces `scenario seek` by a policy, with some ring.
func seek(t *testing.T, policy string, number uint64, limits Limits, change func(*wire.TracerConfig)) *recording {
	t.Helper()
	needRoot(t)
	c := config(wire.Targets{})
	c.Policies = []wire.PolicySource{{Name: "seeks.yaml", Text: policy}}
	change(&c)
	var frames bytes.Buffer
	command := exec.Command(scenarioProgram(t), "seek", strconv.FormatUint(number, 10))
	if _, err := Run(context.Background(), Options{Config: c, Frames: &frames, Command: command, Limits: limits}); err != nil {
		t.Fatal(err)
	}
	return read(t, frames.Bytes())
}

func sum(counts map[string]uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}

// TestEnforcementPassesAFlood: of a flood that the ring cannot hold, or that is throttled, every call that is enforced is told.
func TestEnforcementPassesAFlood(t *testing.T) {
	number := uint64(100000)
	if testing.Short() {
		number = 10000
	}
	const signalled = 50 // of each process
	rest := fmt.Sprintf("    selectors:\n    - {matchArgs: [{index: 1, operator: LT, values: [\"%d\"]}], matchActions: [{action: Signal, argSig: 10}]}\n    - {}\n", signalled)
	for _, enforce := range []bool{true, false} {
		for _, ring := range []string{"full", "throttled"} {
			r := seek(t, seekPolicy+rest, number, rings[ring], func(c *wire.TracerConfig) { c.Enforce = enforce })
			told := 0
			for _, e := range r.of(event.KindKprobe) {
				if len(e.Enforced())+len(e.Hooked().Would) > 0 {
					told++
				}
			}
			if missed := mayMiss(t, r.bye.Totals.Lost); told > 2*signalled || uint64(told)+missed < 2*signalled || r.bye.Totals.Lost[event.LostEnforcement] != 0 {
				t.Errorf("enforce %t: %d of %d enforcements are told: %+v", enforce, told, 2*signalled, r.bye.Totals)
			}
			if kept := map[string]uint64{"full": r.bye.Totals.Lost[event.LostRing], "throttled": r.bye.Totals.Throttled}[ring]; kept == 0 {
				t.Errorf("%s: nothing was left out: %+v", ring, r.bye.Totals)
			}
		}
	}
}
