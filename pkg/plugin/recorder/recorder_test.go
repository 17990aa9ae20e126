// SPDX-License-Identifier: Apache-2.0

package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

var moment = time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)

// item is an event of node n1 with its number, a second after the one before.
func item(number int, e event.Event) *pipeline.Item {
	at := moment.Add(time.Duration(number) * time.Second)
	e.NodeName, e.Time = "n1", &event.Timestamp{Time: at}
	it := pipeline.NewItem(&e)
	it.Received = at
	if it.AboutProcess {
		it.Number = uint64(number)
	}
	return it
}

func execOf(number int) *pipeline.Item {
	return item(number, event.Event{ProcessExec: &event.ProcessExec{Process: &event.Process{Binary: fmt.Sprintf("/bin/%d", number)}}})
}

func found(number int) *pipeline.Item {
	it := execOf(number)
	it.Event.Detections = []event.Detection{{Language: "falco", Rule: "r", Severity: event.SeverityHigh}}
	return it
}

func opened(t *testing.T, o Options) *Recorder {
	t.Helper()
	o.Manifest = recording.Manifest{Format: recording.Format, Recording: "r", Started: event.Timestamp{Time: moment}}
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// finish ends a recording of which a tracer wrote so many events.
func finish(t *testing.T, r *Recorder, written uint64) Result {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	result, err := r.Finish(End{Reason: "x", Nodes: []recording.NodeTotals{{Node: "n1", Written: written, Complete: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// lines are those of a file that have one of the kinds.
func lines(t *testing.T, name string, kinds ...string) (all []string) {
	t.Helper()
	r, err := recording.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range b.Lines() {
			if slices.Contains(kinds, line.Kind) {
				all = append(all, string(line.Text))
			}
		}
	}
}

func take(t *testing.T, r *Recorder, items ...*pipeline.Item) {
	t.Helper()
	for _, it := range items {
		if err := r.Take(it); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLines(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x"+recording.Suffix)
	r := opened(t, Options{Name: name})
	aside := execOf(2)
	aside.Aside, aside.Unshown = true, true
	take(t, r, item(0, event.Event{Hello: &event.Hello{Session: "s"}}), found(1), aside,
		item(3, event.Event{Loss: &event.Loss{Cause: event.LostWire, Count: 1, Total: 1}}), item(4, event.Event{}),
		item(5, event.Event{Bye: &event.Bye{Reason: event.ByeStopped, Totals: event.Totals{Events: 2}}}))
	finish(t, r, 2)
	got := strings.Join(lines(t, name, "hello", "process_exec", "finding", "loss", recording.KindUnknown, "bye"), "\n")
	want := `{"hello":{"protocol":0,"build":"","session":"s","kernel":"","arch":"","boot_id":"","tiers":null,"cgroups":"","hooks":null},"node_name":"n1","time":"2026-05-01T10:00:00Z","after":0,"recv":"2026-05-01T10:00:00Z"}
{"process_exec":{"process":{"binary":"/bin/1"}},"detections":[{"language":"falco","rule":"r","severity":"high"}],"node_name":"n1","time":"2026-05-01T10:00:01Z","seq":1,"recv":"2026-05-01T10:00:01Z"}
{"finding":{"language":"falco","rule":"r","severity":"high","refs":[{"node":"n1","seq":1}]}}
{"process_exec":{"process":{"binary":"/bin/2"}},"node_name":"n1","time":"2026-05-01T10:00:02Z","seq":2,"recv":"2026-05-01T10:00:02Z","aside":true}
{"loss":{"cause":"wire","count":1,"total":1},"node_name":"n1","time":"2026-05-01T10:00:03Z","after":2,"recv":"2026-05-01T10:00:03Z"}
{"unknown":{},"node_name":"n1","time":"2026-05-01T10:00:04Z","after":2,"recv":"2026-05-01T10:00:04Z"}
{"bye":{"reason":"stopped","totals":{"events":2,"cost":{"cpu_ns":"0","resident_bytes":"0","peak_resident_bytes":"0","bpf_ns":"0","bpf_runs":"0"}}},"node_name":"n1","time":"2026-05-01T10:00:05Z","after":2,"recv":"2026-05-01T10:00:05Z"}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	report, err := recording.Verify(name)
	if err != nil || !report.Intact() || !report.Trailer.Complete || report.Nodes[0].Recorded != 2 {
		t.Errorf("%v, %+v", err, report)
	}
}

// How a node's clock stands is said at the beginning, each minute and at the end.
func TestClocks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x"+recording.Suffix)
	r := opened(t, Options{Name: name})
	now := time.Now()
	for n, way := range []time.Duration{300 * time.Millisecond, -200 * time.Millisecond, 100 * time.Millisecond} { // the node's clock is ahead
		it := execOf(n + 1)
		it.Received = it.Event.Time.Add(way)
		take(t, r, it)
		if n > 0 { // of the first nothing is said yet
			if err := r.Flush(now.Add(time.Duration(n) * time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	}
	finish(t, r, 3)
	want := []string{
		`{"clock":{"node":"n1","offset_ns":200000000,"method":"one-way"}}`,
		`{"clock":{"node":"n1","offset_ns":-100000000,"method":"one-way"}}`,
	}
	if got := lines(t, name, recording.KindClock); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// A frame is closed a second after its first line, and at once after what is important.
func TestFramesAreClosedInTime(t *testing.T) {
	r := opened(t, Options{Name: filepath.Join(t.TempDir(), "x"+recording.Suffix)})
	size := func() int64 { return r.segments.file.Size() }
	before := size()
	take(t, r, execOf(1))
	now := time.Now()
	if err := r.Flush(now); err != nil || size() != before {
		t.Errorf("%v, written at once", err)
	}
	if err := r.Flush(now.Add(frameTime)); err != nil || size() == before {
		t.Errorf("%v, not written after %s", err, frameTime)
	}
	before = size()
	take(t, r, found(2))
	if err := r.Flush(now); err != nil || size() == before {
		t.Errorf("%v, a detection waits", err)
	}
}

// incompressible is an event of some size.
func incompressible(number int) *pipeline.Item {
	it := execOf(number)
	var text strings.Builder
	state := uint64(number)*2862933555777941757 + 1
	for range 3000 {
		state = state*2862933555777941757 + 3037000493
		text.WriteByte('a' + byte(state>>33)%26)
	}
	it.Event.ProcessExec.Process.Arguments = text.String()
	return it
}

// A recording goes on in further files, each whole by itself and bound to the one before; of old ones that go it is said how much that was.
func TestSegments(t *testing.T) {
	for _, keep := range []int{0, 2} {
		folder := t.TempDir()
		name := filepath.Join(folder, "x"+recording.Suffix)
		pods := NewPods(false, func(text string) string { return text })
		pods.Update(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "u"}})
		r := opened(t, Options{Name: name, MaxBytes: 1 << 20, Keep: keep, Pods: pods})
		const events = 2000
		for n := 1; n <= events; n++ {
			take(t, r, incompressible(n))
			if n%100 == 0 {
				if err := r.Flush(time.Now().Add(2 * frameTime)); err != nil {
					t.Fatal(err)
				}
			}
		}
		result := finish(t, r, events)
		files, err := filepath.Glob(filepath.Join(folder, "*"+recording.Suffix))
		if err != nil || len(files) != result.Files || len(files) < 2 || keep > 0 && len(files) != keep {
			t.Fatalf("keep %d: %v, %d files, result %+v", keep, err, len(files), result)
		}
		slices.SortFunc(files, func(a, b string) int {
			return strings.Compare(strings.TrimSuffix(a, recording.Suffix), strings.TrimSuffix(b, recording.Suffix))
		})
		var counted, linesLeft uint64
		chain := ""
		for i, file := range files {
			report, err := recording.Verify(file)
			if err != nil || !report.Intact() || chain != "" && report.Manifest.PreviousChain != chain {
				t.Fatalf("keep %d: %s: %v, %+v", keep, file, err, report)
			}
			if last := i == len(files)-1; report.Trailer.Continued == last {
				t.Errorf("%s: continued %v", file, report.Trailer.Continued)
			}
			if len(lines(t, file, recording.KindPod)) != 1 {
				t.Errorf("%s does not have the pod once", file)
			}
			chain = report.Chain
			counted, linesLeft = counted+report.Events, linesLeft+report.Lines
			if i == len(files)-1 && (report.Trailer.Complete != (keep == 0) || report.Trailer.Nodes[0].Recorded != events || (report.Trailer.Dropped > 0) != (keep > 0)) {
				t.Errorf("keep %d: the last trailer is %+v", keep, report.Trailer)
			}
		}
		if keep == 0 && counted != events {
			t.Errorf("%d events in all files, want %d", counted, events)
		}
	}
}

// A flight recorder writes what is around the events that it waits for, and counts the others.
func TestFlight(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x"+recording.Suffix)
	r := opened(t, Options{Name: name, Flight: &Flight{On: "finding", Before: 3 * time.Second, After: 2 * time.Second}})
	take(t, r, item(0, event.Event{Hello: &event.Hello{}}))
	for n := 1; n <= 9; n++ {
		take(t, r, execOf(n))
	}
	take(t, r, found(10))
	for n := 11; n <= 30; n++ {
		take(t, r, execOf(n))
	}
	take(t, r, item(31, event.Event{Bye: &event.Bye{Totals: event.Totals{Events: 30}}}))
	finish(t, r, 30)
	var numbers []uint64
	for _, line := range lines(t, name, "process_exec") {
		var e struct{ Seq uint64 }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, e.Seq)
	}
	if want := []uint64{7, 8, 9, 10, 11}; !slices.Equal(numbers, want) {
		t.Errorf("recorded %d, want %d", numbers, want)
	}
	if got := len(lines(t, name, "hello", "bye")); got != 2 {
		t.Errorf("%d of hello and bye", got)
	}
	report, err := recording.Verify(name)
	if err != nil || !report.Intact() || report.Trailer.Nodes[0].Skipped != 25 || report.Trailer.Complete {
		t.Errorf("%v, %+v", err, report.Trailer)
	}
}

// Of a pod there is a line when it comes and when its containers change, without values of variables and what was applied.
func TestPods(t *testing.T) {
	p := NewPods(false, func(text string) string { return strings.ReplaceAll(text, "secret", "*****") })
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "u", Annotations: map[string]string{lastApplied: "applied", "secret": "a secret"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Env: []corev1.EnvVar{{Name: "PASSWORD", Value: "hunter2"}, {Name: "EMPTY"}}}}},
	}
	p.Update(pod)
	p.Update(pod)
	got := p.changed()
	if len(got) != 1 || !bytes.Contains(got[0], []byte(`"PASSWORD","value":"*****"`)) {
		t.Fatalf("got %s", got)
	}
	for _, hidden := range []string{"hunter2", "applied", "kubectl", "secret"} {
		if bytes.Contains(got[0], []byte(hidden)) {
			t.Errorf("%s is in %s", hidden, got[0])
		}
	}
	if pod.Spec.Containers[0].Env[0].Value != "hunter2" {
		t.Error("the pod itself was changed")
	}
	started := pod.DeepCopy()
	started.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", ContainerID: "containerd://1"}}
	p.Update(started)
	if got := p.changed(); len(got) != 1 {
		t.Errorf("%d lines for a new container", len(got))
	}
}

// After the first error nothing is recorded, and it is told again.
func TestErrorsStay(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x"+recording.Suffix)
	r := opened(t, Options{Name: name})
	if err := r.segments.file.Close(); err != nil { // as a disk that is gone
		t.Fatal(err)
	}
	take(t, r, execOf(1))
	for _, err := range []error{r.Flush(time.Now().Add(2 * frameTime)), r.Take(execOf(2)), r.Close()} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := r.Finish(End{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
