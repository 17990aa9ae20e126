// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// smallRing is one that a flood fills while the tracer waits for its turn, in 20 ms: 3/4 of it hold 1,300 calls of 152 bytes each. What is
// free then has room for pacedCalls of another pod, even if the tracer did not get the CPU until all were made.
var smallRing = Limits{RingBytes: 256 << 10}

const pacedCalls = 200

// startFlood begins to call lseek in a cgroup, until what it returns is called, which says how often that was.
func startFlood(t *testing.T, cgroup string) (end func() uint64) {
	t.Helper()
	flood := exec.Command("sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(cgroup, "cgroup.procs"), scenarioProgram(t), "flood")
	var out bytes.Buffer
	flood.Stdout = &out
	must(t, flood.Start())
	end = sync.OnceValue(func() uint64 {
		must(t, flood.Process.Signal(syscall.SIGTERM))
		must(t, flood.Wait())
		number, err := strconv.ParseUint(strings.TrimSpace(out.String()), 10, 64)
		must(t, err)
		return number
	})
	t.Cleanup(func() { end() })
	return end
}

// twoPods are the cgroups of pods A and B, of containers in them, with a tracer of both that tells of lseek.
type twoPods struct {
	*live
	a, b string
}

func startTwoPods(t *testing.T, policy string, limits Limits, change func(*wire.TracerConfig)) twoPods {
	t.Helper()
	var frames lockedBuffer
	return startTwoPodsTo(t, &frames, &frames, policy, limits, change)
}

// startTwoPodsTo writes frames to what ends up in a buffer.
func startTwoPodsTo(t *testing.T, to io.Writer, frames *lockedBuffer, policy string, limits Limits, change func(*wire.TracerConfig)) twoPods {
	t.Helper()
	needRoot(t)
	root := hierarchyRoots(t)["unified"]
	p := twoPods{a: makeCgroup(t, root, "kubepods/pod"+podA, containerA), b: makeCgroup(t, root, "kubepods/pod"+podB, containerB)}
	for _, cgroup := range []string{p.a, p.b} {
		holdOpen(t, cgroup) // the pods run already: by them the hierarchy is found
	}
	c := config(wire.Targets{Pods: []wire.Pod{{UID: podA}, {UID: podB}}})
	c.Policies = []wire.PolicySource{{Name: "seeks.yaml", Text: policy}}
	change(&c)
	p.live = startLiveTo(t, to, frames, Options{Config: c, Limits: limits})
	return p
}

// waitForThrottle waits until a throttling began or ended.
func (l *live) waitForThrottle(kind string) {
	l.t.Helper()
	l.wait(kind, func(raw []byte) bool { return bytes.Contains(raw, []byte(kind)) })
}

// seeks are the offsets of the calls of a pod, in order.
func (r *recording) seeks(podUID string) (offsets []int64) {
	for _, e := range r.of(event.KindKprobe) {
		if r.procs[e.Process().ExecID].PodUID == podUID {
			offsets = append(offsets, *e.Hooked().Args[0].LongArg)
		}
	}
	return offsets
}

// left is how many events of a pod were left out, as the ends of its throttlings say.
func (r *recording) left(podUID string) (count uint64) {
	for _, t := range r.throttles {
		if t.PodUID == podUID {
			count += t.Count
		}
	}
	return count
}

// TestFloodLeavesOthersAlone: while the calls of one pod would fill the ring, each of another is told; what of the flood is not, is
// counted, and its beginning and end are told.
func TestFloodLeavesOthersAlone(t *testing.T) {
	p := startTwoPods(t, seekPolicy, smallRing, func(*wire.TracerConfig) {})
	end := startFlood(t, p.a)
	p.waitForThrottle(event.ThrottleStart)
	runIn(t, p.b, scenarioProgram(t), "pace", strconv.Itoa(pacedCalls), "1000")
	flood := end()
	p.waitForThrottle(event.ThrottleStop)
	r := p.stop()

	missed := mayMiss(t, r.bye.Totals.Lost)
	checkOffsets(t, r.seeks(podB), pacedCalls, missed)
	checkFlood(t, r, flood, missed)
	const life = 4 // of two processes: exec and exit
	checkAccounted(t, r, flood+pacedCalls+life)
	first, last := r.throttles[0], r.throttles[len(r.throttles)-1]
	if first.Type != event.ThrottleStart || last.Type != event.ThrottleStop || first.Cgroup != "pod"+podA || last.Total != r.bye.Totals.Throttled || !first.Time.Before(last.Time.Time) {
		t.Errorf("throttles %+v", r.throttles)
	}
	t.Logf("%d of the flood were told, throttles %+v, %+v", len(r.seeks(podA)), r.throttles, r.bye.Totals)
}

// checkAccounted wants as many events told, left out or lost as were made.
func checkAccounted(t *testing.T, r *recording, made uint64) {
	t.Helper()
	totals := r.bye.Totals
	got, missed := totals.Events+totals.RateLimited+totals.Throttled+sum(totals.Lost), mayMiss(t, totals.Lost)
	if got+missed < made || got > made+missed {
		t.Errorf("%d are accounted for, %d were made: %+v", got, made, totals)
	}
}

// checkOffsets wants the offsets from 0 on, but for runs that the kernel left out.
func checkOffsets(t *testing.T, offsets []int64, number int64, missed uint64) {
	t.Helper()
	told := map[int64]bool{}
	for _, offset := range offsets {
		told[offset] = true
	}
	absent := uint64(0)
	for offset := range number {
		if !told[offset] {
			absent++
		}
	}
	if len(offsets) != len(told) || absent > missed {
		t.Errorf("%d calls are told, %d of %d are not", len(offsets), absent, number)
	}
}

// checkFlood wants each call of pod A told or left out, and none lost.
func checkFlood(t *testing.T, r *recording, flood, missed uint64) {
	t.Helper()
	told, left := uint64(len(r.seeks(podA))), r.left(podA)
	if told+left+missed < flood || told+left > flood || left == 0 || left != r.bye.Totals.Throttled || r.left(podB) != 0 {
		t.Errorf("the flood has %d calls: %d told, %d left out; totals %+v", flood, told, left, r.bye.Totals)
	}
	if r.bye.Totals.Lost[event.LostRing] > 0 {
		t.Errorf("the ring was full: %+v", r.bye.Totals)
	}
}

// TestMorePodsThanShares: of a pod that finds no share nothing is left out, though it may fill the ring then; that is told, and
// everything is counted all the same.
func TestMorePodsThanShares(t *testing.T) {
	limits := smallRing
	limits.Shares = 1
	p := startTwoPods(t, seekPolicy, limits, func(*wire.TracerConfig) {})
	endA := startFlood(t, p.a)
	p.waitForThrottle(event.ThrottleStart)
	endB := startFlood(t, p.b)
	p.wait("a full ring", func(raw []byte) bool { return bytes.Contains(raw, []byte(`"`+event.LostRing+`":`)) })
	p.wait("a notice", func(raw []byte) bool { return bytes.Contains(raw, []byte("it is not counted what each holds")) })
	made := endA() + endB()
	r := p.stop()
	const life = 4 // of two processes: exec and exit
	checkAccounted(t, r, made+life)
	if r.left(podB) != 0 || r.left(podA) != r.bye.Totals.Throttled {
		t.Errorf("throttles %+v, %+v", r.throttles, r.bye.Totals)
	}
}

// TestEnforcementPassesThrottling: of a pod whose calls are left out each is told that is enforced.
func TestEnforcementPassesThrottling(t *testing.T) {
	const signalled = 200
	rest := "    selectors:\n    - {matchArgs: [{index: 1, operator: LT, values: [\"200\"]}], matchActions: [{action: Signal, argSig: 10}]}\n    - {}\n"
	p := startTwoPods(t, seekPolicy+rest, smallRing, func(c *wire.TracerConfig) { c.Enforce = true })
	end := startFlood(t, p.a)
	p.waitForThrottle(event.ThrottleStart)
	// In the pod that is throttled: SIGUSR1 is ignored there.
	runIn(t, p.a, scenarioProgram(t), "seek", "100000")
	flood := end()
	r := p.stop()
	told := 0
	for _, e := range r.of(event.KindKprobe) {
		if len(e.Enforced()) > 0 {
			told++
		}
	}
	missed := mayMiss(t, r.bye.Totals.Lost)
	if want := 2*signalled + min(int(flood), signalled); told > want || uint64(told)+missed < uint64(want) || r.bye.Totals.Lost[event.LostEnforcement] != 0 {
		t.Errorf("%d of %d enforcements are told: %+v", told, want, r.bye.Totals)
	}
	const life = 5 // of three processes, one of which only forks
	checkAccounted(t, r, flood+200000+life)
}

// gatedBuffer is a lockedBuffer that blocks while it is shut.
type gatedBuffer struct {
	lockedBuffer
	shut sync.RWMutex
}

func (g *gatedBuffer) Write(p []byte) (int, error) {
	g.shut.RLock()
	defer g.shut.RUnlock()
	return g.lockedBuffer.Write(p)
}

// whileBlocked traces pods A and B with a ring of some bytes, and nobody reads what the tracer writes while they do something.
func whileBlocked(t *testing.T, ring uint32, do func(a, b string)) *recording {
	t.Helper()
	var frames gatedBuffer
	p := startTwoPodsTo(t, &frames, &frames.lockedBuffer, seekPolicy, Limits{RingBytes: ring}, func(*wire.TracerConfig) {})
	frames.shut.Lock()
	do(p.a, p.b)
	frames.shut.Unlock()
	return p.stop()
}

// TestSlowOutputIsSharedToo: while the output is blocked, one pod makes more calls than find room anywhere; those of another are all
// told when somebody reads again.
func TestSlowOutputIsSharedToo(t *testing.T) {
	const flood, paced = 1_000_000, 500
	r := whileBlocked(t, 4<<20, func(a, b string) {
		runIn(t, a, scenarioProgram(t), "seek", strconv.Itoa(flood/2))
		runIn(t, b, scenarioProgram(t), "pace", strconv.Itoa(paced), "10000")
	})
	missed := mayMiss(t, r.bye.Totals.Lost)
	checkOffsets(t, r.seeks(podB), paced, missed)
	checkFlood(t, r, flood, missed)
	const life = 5 // of three processes, one of which only forks
	checkAccounted(t, r, flood+paced+life)
	t.Logf("%d of the flood were told, %+v", len(r.seeks(podA)), r.bye.Totals)
}

// TestProcessFloodLeavesOthersAlone: the same where the flood is of processes that run and end.
func TestProcessFloodLeavesOthersAlone(t *testing.T) {
	const processes, paced = 6000, 200
	r := whileBlocked(t, 1<<20, func(a, b string) {
		runIn(t, a, scenarioProgram(t), "many", strconv.Itoa(processes), "1000000", nothingProgram(t))
		runIn(t, b, scenarioProgram(t), "pace", strconv.Itoa(paced), "10000")
	})
	checkOffsets(t, r.seeks(podB), paced, mayMiss(t, r.bye.Totals.Lost))
	if r.bye.Totals.Throttled == 0 || r.left(podA) != r.bye.Totals.Throttled || r.bye.Totals.Lost[event.LostRing] > 0 {
		t.Errorf("throttles %+v, %+v", r.throttles, r.bye.Totals)
	}
	const life = 4 // of the two that make it
	checkAccounted(t, r, 2*processes+paced+life)
	t.Logf("%+v", r.bye.Totals)
}
