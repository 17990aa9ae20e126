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

// smallRing is one that a flood fills faster than it is read: while the tracer waits for its turn, 20 ms, some 400 calls find room.
var smallRing = Limits{RingBytes: 64 << 10}

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
	needRoot(t)
	root := hierarchyRoots(t)["unified"]
	p := twoPods{a: makeCgroup(t, root, "kubepods/pod"+podA, containerA), b: makeCgroup(t, root, "kubepods/pod"+podB, containerB)}
	for _, cgroup := range []string{p.a, p.b} {
		holdOpen(t, cgroup) // the pods run already: by them the hierarchy is found
	}
	c := config(wire.Targets{Pods: []wire.Pod{{UID: podA}, {UID: podB}}})
	c.Policies = []wire.PolicySource{{Name: "seeks.yaml", Text: policy}}
	change(&c)
	p.live = startLiveOptions(t, Options{Config: c, Limits: limits})
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
	const paced = 500
	p := startTwoPods(t, seekPolicy, smallRing, func(*wire.TracerConfig) {})
	end := startFlood(t, p.a)
	p.waitForThrottle(event.ThrottleStart)
	runIn(t, p.b, scenarioProgram(t), "pace", strconv.Itoa(paced), "1000")
	flood := end()
	p.waitForThrottle(event.ThrottleStop)
	r := p.stop()

	missed := mayMiss(t, r.bye.Totals.Lost)
	checkOffsets(t, r.seeks(podB), paced, missed)
	checkFlood(t, r, flood, missed)
	const life = 4 // of two processes: exec and exit
	if got, want := accounted(r), flood+paced+life; got+missed < want || got > want+missed {
		t.Errorf("%d are accounted for, %d were made: %+v", got, want, r.bye.Totals)
	}
	first, last := r.throttles[0], r.throttles[len(r.throttles)-1]
	if first.Type != event.ThrottleStart || last.Type != event.ThrottleStop || first.Cgroup != "pod"+podA || last.Total != r.bye.Totals.Throttled || !first.Time.Before(last.Time.Time) {
		t.Errorf("throttles %+v", r.throttles)
	}
	t.Logf("%d of the flood were told, throttles %+v, %+v", len(r.seeks(podA)), r.throttles, r.bye.Totals)
}

// accounted is how many events the tracer says that there were.
func accounted(r *recording) uint64 {
	return r.bye.Totals.Events + r.bye.Totals.RateLimited + r.bye.Totals.Throttled + sum(r.bye.Totals.Lost)
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
	if got, want, missed := accounted(r), made+life, mayMiss(t, r.bye.Totals.Lost); got+missed < want || got > want+missed {
		t.Errorf("%d are accounted for, %d were made: %+v", got, want, r.bye.Totals)
	}
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
	if got, want := accounted(r), flood+200000+life; got+missed < want || got > want+missed {
		t.Errorf("%d are accounted for, %d were made: %+v", got, want, r.bye.Totals)
	}
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

// TestSlowOutputIsSharedToo: while nobody reads what the tracer writes, one pod makes more events than find room anywhere; those of
// another are all told when somebody reads again.
func TestSlowOutputIsSharedToo(t *testing.T) {
	const flood, paced = 1_000_000, 500
	needRoot(t)
	root := hierarchyRoots(t)["unified"]
	a, b := makeCgroup(t, root, "kubepods/pod"+podA, containerA), makeCgroup(t, root, "kubepods/pod"+podB, containerB)
	for _, cgroup := range []string{a, b} {
		holdOpen(t, cgroup)
	}
	c := config(wire.Targets{Pods: []wire.Pod{{UID: podA}, {UID: podB}}})
	c.Policies = []wire.PolicySource{{Name: "seeks.yaml", Text: seekPolicy}}
	var frames gatedBuffer
	reader, control := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), Options{Config: c, Frames: &frames, Control: reader, Limits: Limits{RingBytes: 4 << 20}})
		ended <- err
	}()
	l := &live{t: t, control: control, frames: &frames.lockedBuffer, ended: ended}
	l.wait("hello", func(raw []byte) bool { return bytes.Contains(raw, []byte(`"hello"`)) })
	frames.shut.Lock()
	runIn(t, a, scenarioProgram(t), "seek", strconv.Itoa(flood/2))
	runIn(t, b, scenarioProgram(t), "pace", strconv.Itoa(paced), "10000")
	frames.shut.Unlock()
	r := l.stop()

	missed := mayMiss(t, r.bye.Totals.Lost)
	checkOffsets(t, r.seeks(podB), paced, missed)
	checkFlood(t, r, flood, missed)
	const life = 5 // of three processes, one of which only forks
	if got, want := accounted(r), uint64(flood+paced+life); got+missed < want || got > want+missed {
		t.Errorf("%d are accounted for, %d were made: %+v", got, want, r.bye.Totals)
	}
	t.Logf("%d of the flood were told, %+v", len(r.seeks(podA)), r.bye.Totals)
}
