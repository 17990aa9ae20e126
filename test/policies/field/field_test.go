// SPDX-License-Identifier: Apache-2.0

//go:build linux

package field

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/kernelversion"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/testprogram"
)

// scene is one policy of testdata, what is done, and what is told of it: everything that is told, so what is done holds
// near-misses too.
type scene struct {
	// name of the policy and of its file; label of the processes.
	name string
	// do is a command line of provoke for each process. $D is the folder, $L the name, $M a module of the kernel. As in want, some
	// are for some kernels.
	do []string
	// want has a line for each event, as line has it; * stands for any text. Some are seen by some kernels only: "traced: "
	// begins what is told where the kernel's functions are traced, "equal: " where tracepoints stand in for them, "has NAME: "
	// where functions are traced and the kernel has that one, "since 5.17: " where they are and it is no older.
	want []string
	// refused has by function why kernels with tracepoints alone do not serve it: a part of the reason; "everywhere: " begins that
	// of all kernels.
	refused map[string]string
	// uncertain ends lines that kernels before 5.12 tell or do not; empty: there are none.
	uncertain string
	// unordered: the events have no order, as several hooks see the same call.
	unordered bool
	// status: those that processes may end with beside 0.
	status []int
	// check looks at what want does not say; may be nil. Without want it looks at everything.
	check func(t *testing.T, result *harness.Result, told []*event.Event)
}

const none = "no tracepoint stands in for"

// newFolder has what the scenes need: $D/program, which is provoke, $D/probes, and files.
func newFolder(t *testing.T, in string) string {
	t.Helper()
	folder, err := os.MkdirTemp(in, "field") //nolint:usetesting // not in the folder of t.TempDir: in says on which file system
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
	for _, name := range []string{"watched", "mounted"} {
		harness.Folder(t, filepath.Join(folder, name))
	}
	for _, name := range []string{"watched/a", "watched/b.log", "watched/c", "secret", "public"} {
		write(t, filepath.Join(folder, name), "what is in it\n", 0o644)
	}
	copyFile(t, harness.Provoke(t), filepath.Join(folder, "program"))
	copyFile(t, testprogram.Path(t, "probes"), filepath.Join(folder, "probes"))
	return folder
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(content), 0o755)
}

// policyText is a file of testdata with the folder in it.
func policyText(t *testing.T, name, folder string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(content), "$D", folder)
}

// play runs scenes together, each with processes of its own.
func play(t *testing.T, o harness.Options, folder string, scenes []scene) {
	t.Helper()
	var texts []string
	var steps []harness.Step
	o.Allowed = map[string][]int{}
	functions := kernelFunctions(t)
	for i := range scenes {
		s := &scenes[i]
		texts = append(texts, policyText(t, s.name, folder))
		o.Allowed[s.name] = s.status
		for _, do := range s.chosen(t, s.do, harness.Prevents(), functions, folder) {
			steps = append(steps, harness.Step{Label: s.name, Do: do})
		}
	}
	result := harness.Run(t, strings.Join(texts, "---\n"), o, steps...)
	for i := range scenes {
		t.Run(scenes[i].name, func(t *testing.T) { scenes[i].verify(t, result, functions, folder) })
	}
}

func (s *scene) fill(text, folder string) string {
	return strings.NewReplacer("$D", folder, "$L", s.name).Replace(text)
}

// verify compares what was told of a scene with what it wants.
func (s *scene) verify(t *testing.T, result *harness.Result, functions map[string]bool, folder string) {
	t.Helper()
	traced := result.HasTier(string(hook.TierTrampoline))
	var hooks []event.Hook
	for _, h := range result.Hello.Hooks {
		if h.Policy == s.name {
			hooks = append(hooks, h)
			s.verifyHook(t, h, traced, functions)
		}
	}
	if len(hooks) == 0 {
		t.Fatalf("hello tells of no hook")
	}
	told := result.Of(s.name, s.name)
	if s.want != nil || s.check == nil {
		s.compare(t, told, s.chosen(t, s.want, traced, functions, folder))
	}
	if s.check != nil {
		s.check(t, result, told)
	}
	if t.Failed() {
		for _, h := range hooks {
			t.Logf("hook %+v", h)
		}
	}
}

func (s *scene) compare(t *testing.T, told []*event.Event, want []string) {
	t.Helper()
	var got []string
	for _, e := range told {
		if l := line(e); s.uncertain == "" || !kernelversion.Before(5, 12) || !strings.HasSuffix(l, s.uncertain) {
			got = append(got, l)
		}
	}
	if s.unordered {
		slices.Sort(got)
		slices.Sort(want)
	}
	compare(t, got, want)
}

// verifyHook: a hook is served, unless the scene or the kernel's list of functions says why not.
func (s *scene) verifyHook(t *testing.T, h event.Hook, traced bool, functions map[string]bool) {
	t.Helper()
	reason, isRefused := s.refused[h.Name]
	reason, everywhere := strings.CutPrefix(reason, "everywhere: ")
	switch {
	case isRefused && (!traced || everywhere):
	case !isFunction(functions, h.Name) && !isRenamed(h):
		if h.Backend != "" || !strings.Contains(strings.Join(h.Notes, " "), "left out") { // as the policy allows
			t.Errorf("%s, which the kernel has not: %+v", h.Name, h)
		}
		return
	default:
		if h.Refused != "" {
			t.Errorf("%s is refused: %s", h.Name, h.Refused)
		}
		return
	}
	if !strings.Contains(h.Refused, reason) || h.Refused == "" {
		t.Errorf("%s: refused %q, want %q", h.Name, h.Refused, reason)
	}
}

// withoutReasons is why kfree_skb_reason is refused: where nothing can be attached to functions, and before 5.17, when there was none.
func withoutReasons() string {
	if kernelversion.Before(5, 17) {
		return "everywhere: the kernel has no such function"
	}
	return none
}

// isRenamed: a hook that a kernel has under another name says so.
func isRenamed(h event.Hook) bool {
	return slices.ContainsFunc(h.Notes, func(note string) bool { return strings.Contains(note, "is called") })
}

// isFunction says whether a hook's function is among the kernel's; hooks that are no functions count as well.
func isFunction(functions map[string]bool, name string) bool {
	return strings.ContainsAny(name, "/:") || strings.HasPrefix(name, "sys_") || name == "loader" || name == "file_open" || functions[name]
}

// kernelFunctions are the names in the kernel's table of symbols.
func kernelFunctions(t *testing.T) map[string]bool {
	t.Helper()
	content, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for symbol := range strings.Lines(string(content)) {
		if fields := strings.Fields(symbol); len(fields) > 2 {
			all[fields[2]] = true
		}
	}
	return all
}

// chosen are the lines that are for this kernel.
func (s *scene) chosen(t *testing.T, lines []string, traced bool, functions map[string]bool, folder string) (all []string) {
	for _, w := range lines {
		is := true
		if text, ok := strings.CutPrefix(w, "traced: "); ok {
			w, is = text, traced
		} else if text, ok := strings.CutPrefix(w, "equal: "); ok {
			w, is = text, !traced
		} else if text, ok := strings.CutPrefix(w, "since 5.17: "); ok {
			w, is = text, traced && !kernelversion.Before(5, 17)
		} else if text, ok := strings.CutPrefix(w, "has "); ok {
			name, text, _ := strings.Cut(text, ": ")
			w, is = text, traced && functions[name]
		}
		if is && strings.Contains(w, "$M") {
			w = strings.ReplaceAll(w, "$M", harness.Module(t))
		}
		if is {
			all = append(all, s.fill(w, folder))
		}
	}
	return all
}

// line is an event in short: what was called, with what, and what was done about it.
func line(e *event.Event) string {
	h := harness.Hooked(e)
	text := called(e) + ": " + harness.Line(e)
	if h.Message != "" {
		text += fmt.Sprintf(" %q", h.Message)
	}
	if h.Action != event.ActionPost {
		text += " " + strings.TrimPrefix(h.Action, "KPROBE_ACTION_")
	}
	for _, would := range h.Would {
		text += " not " + strings.TrimPrefix(would, "KPROBE_ACTION_")
	}
	return text
}

func called(e *event.Event) string {
	switch {
	case e.ProcessKprobe != nil:
		return e.ProcessKprobe.FunctionName
	case e.ProcessTracepoint != nil:
		return e.ProcessTracepoint.Subsys + "/" + e.ProcessTracepoint.Event
	case e.ProcessLsm != nil:
		return e.ProcessLsm.FunctionName
	case e.ProcessUprobe != nil:
		return filepath.Base(e.ProcessUprobe.Path) + ":" + e.ProcessUprobe.Symbol
	case e.ProcessUsdt != nil:
		return e.ProcessUsdt.Provider + ":" + e.ProcessUsdt.Name
	}
	return string(e.Kind())
}

// compare wants as many lines, each matching its pattern, in which * stands for any text.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	same := len(got) == len(want)
	for i := range got {
		same = same && i < len(want) &&
			regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(want[i]), `\*`, ".*")+"$").MatchString(got[i])
	}
	if !same {
		t.Errorf("told %d events\n  %s\nwant %d\n  %s", len(got), strings.Join(got, "\n  "), len(want), strings.Join(want, "\n  "))
	}
}
