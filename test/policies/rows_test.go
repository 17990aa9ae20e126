// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// row is one policy, what is done, and the events that come of it: all of them, so what is done holds near-misses too.
type row struct {
	// name of the policy, and label of the processes.
	name string
	// spec of the policy. In it, in do and in want, $D is a folder of the test with a copy of provoke named program, $L the
	// row's name, and $P the process ID of the tracer.
	spec string
	// do is a command line of provoke for each process.
	do []string
	// want has what harness.Line shows of each event; * stands for any text.
	want []string
	// wantEqual is what is seen instead where tracepoints stand in for a function; nil for want.
	wantEqual []string
	// refused is a part of the reason why kernels that have tracepoints alone do not serve the hook. The others do, unless it is
	// refused everywhere.
	refused    string
	everywhere bool
	// lockedDown is a part of the reason why kernels that are locked down do not serve it.
	lockedDown string
	// shown is what is compared with want; nil for harness.Line.
	shown func(*event.Event) string
	// status: those that its processes may end with beside 0.
	status []int
}

// place is a folder in which a row is tried, and the label of the processes that do it there.
type place struct{ folder, label string }

// places of a row. With one folder the label is the row's name.
func (r *row) places(folders []string) (all []place) {
	for i, folder := range folders {
		label := r.name
		if len(folders) > 1 {
			label += fmt.Sprintf("-%d", i)
		}
		all = append(all, place{folder, label})
	}
	return all
}

// inFolder finds the values of filters that are below the folder.
var inFolder = regexp.MustCompile(`"[^"]*\$D[^"]*"`)

// policyText is the row as a policy, about all folders.
func (r *row) policyText(folders ...string) string {
	text := "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: %s}\nspec:\n%s\n"
	spec := inFolder.ReplaceAllStringFunc(r.spec, func(value string) string {
		var each []string
		for _, folder := range folders {
			each = append(each, strings.ReplaceAll(value, "$D", folder))
		}
		return strings.Join(each, ", ")
	})
	return fmt.Sprintf(text, r.name, indented(place{folders[0], r.name}.fill(spec)))
}

func (p place) fill(text string) string {
	return strings.NewReplacer("$D", p.folder, "$L", p.label, "$P", fmt.Sprint(os.Getpid())).Replace(text)
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

// kprobe is a spec with one function and its arguments, and selectors without which every call is posted.
func kprobe(call, args string, selectors ...string) string {
	isSyscall := strings.HasPrefix(call, "sys_")
	return "kprobes:\n- call: " + call + "\n  syscall: " + fmt.Sprint(isSyscall) + "\n  args: [" + args + "]" +
		selected(selectors)
}

// rawTracepoint is a spec with a raw tracepoint.
func rawTracepoint(subsystem, event, args string, selectors ...string) string {
	return "tracepoints:\n- subsystem: " + subsystem + "\n  event: " + event + "\n  raw: true\n  args: [" + args + "]" +
		selected(selectors)
}

// tracepoint is a spec with a tracepoint's record.
func tracepoint(subsystem, event, args string, selectors ...string) string {
	return "tracepoints:\n- subsystem: " + subsystem + "\n  event: " + event + "\n  args: [" + args + "]" + selected(selectors)
}

func selected(selectors []string) string {
	if len(selectors) == 0 {
		return ""
	}
	return "\n  selectors:\n  - " + strings.Join(selectors, "\n  - ")
}

// matchArgs is a selector with one filter on an argument.
func matchArgs(index int, operator string, values ...string) string {
	return "matchArgs: [" + filter(index, operator, values...) + "]"
}

func filter(index int, operator string, values ...string) string {
	text := fmt.Sprintf("{index: %d, operator: %s", index, operator)
	if len(values) > 0 {
		text += ", values: [" + quoted(values) + "]"
	}
	return text + "}"
}

func quoted(values []string) string {
	var all []string
	for _, v := range values {
		all = append(all, fmt.Sprintf("%q", v))
	}
	return strings.Join(all, ", ")
}

// parsed is the row's policy as the tracer reads it.
func (r *row) parsed(t *testing.T) *policy.Policy {
	t.Helper()
	file, err := policy.Parse(r.name, strings.NewReader(r.policyText("/folder")))
	if err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	return file.Policies[0]
}

// newFolder has a copy of provoke. It lies on a tmpfs where /tmp is one.
func newFolder(t testing.TB, in string) string {
	t.Helper()
	folder, err := os.MkdirTemp(in, "policies") //nolint:usetesting // not in the folder of t.TempDir: in says on which file system
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	copyFile(t, harness.Provoke(t), filepath.Join(folder, "program"))
	return folder
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

// inBatch is how many rows share a run: that takes less time than a run for each. The kernel attaches at most 38 programs to a
// function (BPF_MAX_TRAMP_LINKS). Where all system calls pass, each has room for 16 hooks, and where tracepoints stand in for
// security_file_permission some system calls are seen by two of them.
func inBatch() int {
	if harness.Prevents() {
		return 32
	}
	return 8
}

// runRows checks rows, some in each run. Each row has processes of its own, so they do not see each other's.
// prepare, if there is one, makes what they need in their folder.
func runRows(t *testing.T, o harness.Options, rows []row, prepare func(folder string)) {
	t.Helper()
	folder := newFolder(t, "")
	if prepare != nil {
		prepare(folder)
	}
	for batch := range slices.Chunk(rows, inBatch()) {
		runBatch(t, o, []string{folder}, batch)
	}
}

// served is a policy that every kernel can serve.
var served = row{name: "served", spec: kprobe("sys_getsid", "{index: 0, type: int}")}

func runBatch(t *testing.T, o harness.Options, folders []string, rows []row) *harness.Result {
	t.Helper()
	var texts []string
	var steps []harness.Step
	o.Allowed = map[string][]int{}
	for i := range rows {
		r := &rows[i]
		texts = append(texts, r.policyText(folders...))
		for _, p := range r.places(folders) {
			o.Allowed[p.label] = r.status
			for _, do := range r.do {
				steps = append(steps, harness.Step{Label: p.label, Do: p.fill(do)})
			}
		}
	}
	if !slices.ContainsFunc(rows, func(r row) bool { return r.refused == "" }) { // a session without any hook is an error
		texts = append(texts, served.policyText(folders...))
	}
	result := harness.Run(t, strings.Join(texts, "---\n"), o, steps...)
	for i := range rows {
		for _, p := range rows[i].places(folders) {
			t.Run(p.label, func(t *testing.T) { rows[i].check(t, result, p) })
		}
	}
	return result
}

// check compares what a run told with what the row wants.
func (r *row) check(t *testing.T, result *harness.Result, p place) {
	t.Helper()
	h, found := result.Hook(r.name)
	if !found {
		t.Fatalf("hello does not tell of the hook: %+v", result.Hello.Hooks)
	}
	if r.everywhere || r.refused != "" && !result.HasTier(string(hook.TierTrampoline)) {
		if !strings.Contains(h.Refused, r.refused) {
			t.Errorf("refused: %q, want %q", h.Refused, r.refused)
		}
		return
	}
	if r.lockedDown != "" && harness.LockedDown(t) {
		if !strings.Contains(h.Refused, r.lockedDown) {
			t.Errorf("refused: %q, want %q", h.Refused, r.lockedDown)
		}
		return
	}
	if h.Refused != "" {
		t.Fatalf("refused: %s", h.Refused)
	}
	if r.lockedDown != "" && slices.ContainsFunc(result.Status[p.label], func(s int) bool { return s != 0 }) {
		t.Errorf("provoke ended with %v", result.Status[p.label])
	}
	want := r.want
	if h.Via != "" && r.wantEqual != nil {
		want = r.wantEqual
	}
	shown := harness.Line
	if r.shown != nil {
		shown = r.shown
	}
	var got []string
	for _, e := range result.Of(r.name, p.label) {
		got = append(got, shown(e))
	}
	compare(t, got, p.filled(want))
	if t.Failed() {
		t.Logf("backend %s, via %q", h.Backend, h.Via)
	}
}

func (p place) filled(want []string) (all []string) {
	for _, w := range want {
		all = append(all, p.fill(w))
	}
	return all
}

// withSelector is an event in short, with the label of the selector that matched.
func withSelector(e *event.Event) string {
	return harness.Line(e) + " [" + harness.Hooked(e).SelectorLabel + "]"
}

// compare wants as many lines, each matching its pattern.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	same := len(got) == len(want)
	for i := range got {
		same = same && i < len(want) && pattern(want[i]).MatchString(got[i])
	}
	if !same {
		t.Errorf("got %d events\n  %s\nwant %d\n  %s", len(got), strings.Join(got, "\n  "), len(want), strings.Join(want, "\n  "))
	}
}

// pattern of a line in which * stands for any text.
func pattern(want string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(want), `\*`, ".*") + "$")
}

// missing are the words of a list that nothing covers.
func missing(all []string, covered map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return covered[one] })
}

// write makes a file for what is done.
func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
