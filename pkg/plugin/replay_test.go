// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/recorder"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/recording"
)

var recordedFrom = time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)

// recordedExec is an exec, so many seconds after the beginning.
func recordedExec(seconds int) *pipeline.Item {
	at := &event.Timestamp{Time: recordedFrom.Add(time.Duration(seconds) * time.Second)}
	pid := uint32(100 + seconds)
	it := pipeline.NewItem(&event.Event{NodeName: "n1", Time: at, ProcessExec: &event.ProcessExec{Process: &event.Process{
		ExecID: fmt.Sprintf("id%d", pid), Pid: &pid, Binary: fmt.Sprintf("/bin/%d", seconds), StartTime: at, Flags: "execve clone",
		Pod: &event.Pod{Namespace: "shop", Name: fmt.Sprintf("web-%d", seconds%2), Container: &event.Container{Name: "c", ID: "containerd://1"}},
	}}})
	it.Number = uint64(seconds + 1)
	return it
}

// minutes is a recording of an exec each second, in frames of ten.
func minutes(t *testing.T, seconds int) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "x"+recording.Suffix)
	m := recording.Manifest{Format: recording.Format, Recording: "r", Started: event.Timestamp{Time: recordedFrom.Add(-time.Minute)}, Cluster: &recording.Cluster{Name: "prod"}, Who: recording.Who{KubeUser: "jane"}}
	r, err := recorder.Open(recorder.Options{Name: file, Manifest: m})
	if err != nil {
		t.Fatal(err)
	}
	for n := range seconds {
		if err := r.Take(recordedExec(n)); err != nil {
			t.Fatal(err)
		}
		if n%10 == 9 {
			if err := r.Flush(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	}
	bye := pipeline.NewItem(&event.Event{NodeName: "n1", Time: recordedExec(seconds - 1).Event.Time, Bye: &event.Bye{Reason: event.ByeStopped, Totals: event.Totals{Events: uint64(seconds)}}})
	if err := r.Take(bye); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Finish(recorder.End{Nodes: []recording.NodeTotals{{Node: "n1", Written: uint64(seconds), Complete: true}}}); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReplayOfAPart(t *testing.T) {
	file := minutes(t, 300)
	for _, test := range []struct {
		flags       string
		first, last int
		count       int
	}{
		{"", 0, 299, 300},
		{"--since 10:01 --until 10:02", 60, 120, 61},
		{"--since 2026-05-01T12:01:00+02:00", 60, 299, 240},
		{"--since 2026-05-01T10:01:00.5", 61, 299, 239},
		{"--since +90s --until +95s", 90, 95, 6},
		{"--last 10s", 289, 299, 11},
		{"--until 2026-05-01T10:00:03Z", 0, 3, 4},
		{"--since 10:04:55 --max-events 2", 295, 296, 2},
		{"--pod web-1 --until +9s", 1, 9, 5},
		{"--pod shop/web-0 --until +9s", 0, 8, 5},
		{"--in-namespace shop --node n1 -c c --max-events 3", 0, 2, 3},
		{"--binary ~/bin/29.$", 290, 299, 10},
	} {
		code, out, errOut := runPlugin(t, built, append([]string{"replay", file, "-o", "jsonpath={.process_exec.process.binary}"}, strings.Fields(test.flags)...)...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if code != exit.OK || len(lines) != test.count || lines[0] != fmt.Sprintf("/bin/%d", test.first) || lines[len(lines)-1] != fmt.Sprintf("/bin/%d", test.last) {
			t.Errorf("%s: exit code %d, %d lines from %s to %s; stderr:\n%s", test.flags, code, len(lines), lines[0], lines[len(lines)-1], errOut)
		}
		if !strings.Contains(errOut, "by jane on the cluster prod") || strings.Contains(errOut, "INCOMPLETE") {
			t.Errorf("%s: stderr:\n%s", test.flags, errOut)
		}
	}
	for _, nothing := range []string{"--in-namespace other", "--node n2", "--pod web", "--since 11:00"} {
		code, out, errOut := runPlugin(t, built, append([]string{"replay", file, "-o", "json"}, strings.Fields(nothing)...)...)
		if code != exit.OK || out != "" {
			t.Errorf("%s: exit code %d, %s\n%s", nothing, code, out, errOut)
		}
	}
}

func TestReplayRefusals(t *testing.T) {
	file := minutes(t, 3)
	future := filepath.Join(t.TempDir(), "future.ndjson")
	if err := os.WriteFile(future, []byte(`{"manifest":{"format":"tsec/2"}}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, want string }{
		{"", "which recording?"},
		{"/nonexistent", "no such file"},
		{future, "use a newer version"},
		{file + " --last 5m --since 10:00", "exclude each other"},
		{file + " --since yesterday", "want a time like"},
		{file + " --since +2s --until +1s", "is before --since"},
		{file + " --speed -1", "want a number above 0"},
		{file + " -n shop", "--in-namespace"},
		{file + " --context prod", "replay reads files"},
		{file + " -o xml", "xml"},
		{file + " -o falco", "add --rules"},
		{file + " --rules /nonexistent", "no such file"},
		{file + " --fields a", "-o json"},
		{file + " --session-log x", "has no session"},
		{file + " --duration 5s", "unknown flag"},
		{file + " -- ls", "starts nothing"},
		{file + " --color red", "want one of"},
	} {
		code, out, errOut := runPlugin(t, built, append([]string{"replay"}, strings.Fields(test.args)...)...)
		if code != exit.Error || out != "" || !strings.Contains(errOut, test.want) {
			t.Errorf("%s: exit code %d, %s\nstderr:\n%s", test.args, code, out, errOut)
		}
	}
}

// A recording without end is shown up to its last frame, and that is said; a changed one too.
func TestReplayOfWhatIsLeft(t *testing.T) {
	file := minutes(t, 30)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut"+recording.Suffix)
	if err := os.WriteFile(cut, whole[:len(whole)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := runPlugin(t, built, "replay", cut, "-o", "json")
	if events := strings.Count(out, "\n"); code != exit.Incomplete || events == 0 || events%10 != 0 || !strings.Contains(errOut, "INCOMPLETE: "+cut+": ended without trailer") {
		t.Errorf("exit code %d, %d events; stderr:\n%s", code, events, errOut)
	}
	repaired := filepath.Join(t.TempDir(), "repaired"+recording.Suffix)
	if code, out, errOut := runPlugin(t, built, "verify", cut); code != exit.Incomplete || !strings.Contains(out, "INCOMPLETE") {
		t.Errorf("verify: exit code %d\n%s%s", code, out, errOut)
	}
	if code, _, errOut := runPlugin(t, built, "verify", cut, "--repair", repaired); code != exit.OK {
		t.Errorf("repair: exit code %d\n%s", code, errOut)
	}
	if code, again, errOut := runPlugin(t, built, "replay", repaired, "-o", "json"); code != exit.OK || again != out {
		t.Errorf("repaired: exit code %d\n%s", code, errOut)
	}
	whole[len(whole)/2] ^= 1
	if err := os.WriteFile(cut, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := runPlugin(t, built, "replay", cut); code != exit.Incomplete || !strings.Contains(errOut, "its lines are left out") {
		t.Errorf("changed: exit code %d\n%s", code, errOut)
	}
}

// Logs that Tetragon's own documentation shows, and our JSON, are replayed as recordings are, compressed too.
func TestReplayOfLogs(t *testing.T) {
	folder := t.TempDir()
	var all strings.Builder
	for _, name := range []string{"tetragon-exec.json", "tetragon-hooks.ndjson"} {
		text, err := os.ReadFile(filepath.Join("..", "event", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.TrimRight(string(text), "\n") + "\n")
	}
	log, zipped := filepath.Join(folder, "tetragon.log"), filepath.Join(folder, "tetragon.log.gz")
	text := all.String() + `{"rate_limit_info":{"number_of_dropped_process_events":"7"},"node_name":"n","time":"2026-05-01T10:00:00Z"}` + "\n"
	if err := os.WriteFile(log, []byte(strings.TrimSuffix(text, "\n")), 0o600); err != nil { // as one that is still written
		t.Fatal(err)
	}
	file, err := os.Create(zipped)
	if err != nil {
		t.Fatal(err)
	}
	out := gzip.NewWriter(file)
	if _, err := out.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{log, zipped} {
		code, lines, errOut := runPlugin(t, built, "replay", name, "-o", "compact", "--every")
		if want := strings.Count(all.String(), "\n"); code != exit.OK || strings.Count(lines, "\n") < want {
			t.Errorf("%s: exit code %d, %d lines, want %d\n%s%s", name, code, strings.Count(lines, "\n"), want, lines, errOut)
		}
		if !strings.Contains(errOut, "1 line of kinds that this version does not know") || !strings.Contains(errOut, "without manifest") {
			t.Errorf("%s: stderr:\n%s", name, errOut)
		}
		if !strings.Contains(lines, "process default/deathstar-6f87496b94-qdlh8 /starwars-docker --port 80 --host 0.0.0.0") {
			t.Errorf("%s:\n%s", name, lines)
		}
		if code, tree, errOut := runPlugin(t, built, "replay", name); code != exit.OK || !strings.Contains(tree, "default/deathstar") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, tree, errOut)
		}
	}
	if code, _, errOut := runPlugin(t, built, "verify", log); code != exit.Error || !strings.Contains(errOut, "no recording") {
		t.Errorf("verify of a log: exit code %d\n%s", code, errOut)
	}
	half, err := os.ReadFile(zipped)
	if err == nil {
		err = os.WriteFile(zipped, half[:len(half)-20], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := runPlugin(t, built, "replay", zipped); code != exit.Incomplete || !strings.Contains(errOut, "the compressed file is cut") {
		t.Errorf("cut: exit code %d\n%s", code, errOut)
	}
}

// Rules are evaluated over a recording that was made without them.
func TestReplayWithRules(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	const text = "- rule: Seven\n  desc: d\n  condition: evt.type = execve and proc.exepath = /bin/7\n  output: seven ran %proc.exepath\n  priority: ERROR\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := minutes(t, 20)
	code, out, errOut := runPlugin(t, built, "replay", file, "--rules", rules, "-o", "falco")
	if code != exit.OK || strings.Count(out, "\n") != 1 || !strings.Contains(out, "Error seven ran /bin/7") {
		t.Errorf("exit code %d\n%s%s", code, out, errOut)
	}
}

// Several files of a recording are shown in their order, however they are named.
func TestReplayOfSegments(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "x"+recording.Suffix)
	r, err := recorder.Open(recorder.Options{Name: name, MaxBytes: 2000, Manifest: recording.Manifest{Format: recording.Format, Recording: "r", Started: event.Timestamp{Time: recordedFrom}}})
	if err != nil {
		t.Fatal(err)
	}
	const events = 200
	for n := range events {
		if err := r.Take(recordedExec(n)); err != nil {
			t.Fatal(err)
		}
		if n%20 == 19 {
			if err := r.Flush(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	result, err := r.Finish(recorder.End{Nodes: []recording.NodeTotals{{Node: "n1", Complete: true}}})
	if err != nil || result.Files < 3 {
		t.Fatalf("%v, %+v", err, result)
	}
	code, out, errOut := runPlugin(t, built, "replay", filepath.Join(folder, "*"+recording.Suffix), "-o", "jsonpath={.process_exec.process.binary}")
	var want strings.Builder
	for n := range events {
		fmt.Fprintf(&want, "/bin/%d\n", n)
	}
	if code != exit.OK || out != want.String() {
		t.Errorf("exit code %d, %d lines\n%s", code, strings.Count(out, "\n"), errOut)
	}
	all, err := filepath.Glob(filepath.Join(folder, "*"+recording.Suffix))
	if err != nil {
		t.Fatal(err)
	}
	if code, out, _ := runPlugin(t, built, append([]string{"verify"}, all...)...); code != exit.OK {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
	if code, out, _ := runPlugin(t, built, "verify", all[1], all[len(all)-1]); code != exit.Incomplete || !strings.Contains(out, "is missing") {
		t.Errorf("verify without the files between: exit code %d\n%s", code, out)
	}
}
