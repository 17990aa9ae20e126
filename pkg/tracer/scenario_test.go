// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/kernelversion"
)

// line is an event in short: kind, base name of the binary, arguments, and how it ended.
func line(e *event.Event) string {
	p := e.Process()
	name := filepath.Base(p.Binary) + " " + p.Arguments
	if e.ProcessExec != nil {
		return "exec " + strings.TrimSpace(name)
	}
	end := e.ProcessExit.Signal
	if end == "" {
		end = fmt.Sprint(e.ProcessExit.Status)
	}
	return "exit " + strings.TrimSpace(name) + " = " + end
}

func lines(r *recording) []string {
	all := []string{}
	for _, e := range r.events {
		all = append(all, line(e))
	}
	return all
}

// ofLastThread is the exit status of a process whose leader ended before with 0, and another thread with this: kernels before 5.19 take
// that of the leader.
func ofLastThread(status int) string {
	if kernelversion.Before(5, 19) {
		status = 0
	}
	return strconv.Itoa(status)
}

func TestScenarios(t *testing.T) {
	scenario := scenarioProgram(t)
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"exit code": {[]string{"exit", "7"},
			[]string{"exec scenario exit 7", "exit scenario exit 7 = 7"}},
		"largest exit code": {[]string{"exit", "255"},
			[]string{"exec scenario exit 255", "exit scenario exit 255 = 255"}},
		"signal": {[]string{"signal", "9"},
			[]string{"exec scenario signal 9", "exit scenario signal 9 = SIGKILL"}},
		"signal with core": {[]string{"signal", "6"},
			[]string{"exec scenario signal 6", "exit scenario signal 6 = SIGABRT"}},
		"fork without exec": {[]string{"fork-exit", "3"},
			[]string{"exec scenario fork-exit 3", "exit scenario fork-exit 3 = 3", "exit scenario fork-exit 3 = 0"}},
		"exec in place": {[]string{"exec", scenario, "exit", "5"},
			[]string{"exec scenario exec " + scenario + " exit 5", "exec scenario exit 5", "exit scenario exit 5 = 5"}},
		"exec from a thread": {[]string{"thread-exec", scenario, "exit", "6"},
			[]string{"exec scenario thread-exec " + scenario + " exit 6", "exec scenario exit 6", "exit scenario exit 6 = 6"}},
		"leader ends first": {[]string{"thread-last", "4"},
			[]string{"exec scenario thread-last 4", "exit scenario thread-last 4 = " + ofLastThread(4)}},
		"vfork": {[]string{"vfork-exec", scenario, "exit", "1"},
			[]string{"exec scenario vfork-exec " + scenario + " exit 1", "exec scenario exit 1", "exit scenario exit 1 = 1",
				"exit scenario vfork-exec " + scenario + " exit 1 = 0"}},
		"an argument with blanks, an empty one": {[]string{"exec", scenario, "exit", "0", "a b", "", "c"},
			[]string{`exec scenario exec ` + scenario + ` exit 0 "a b"  c`, `exec scenario exit 0 "a b"  c`, `exit scenario exit 0 "a b"  c = 0`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := traceCommand(t, scenario, test.args...)
			if got, want := strings.Join(lines(r), "\n"), strings.Join(test.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if lost := r.bye.Totals.Lost; len(lost) > 0 {
				t.Errorf("lost %v", lost)
			}
			// What wait(2) gave this test's process is the truth about the command's end.
			exits := r.exits()
			last := exits[len(exits)-1].ProcessExit
			if waited := *r.bye.ExitCode; last.Signal == "" && waited != int(last.Status) || (last.Signal != "") != (waited > signalExit) && waited != 255 {
				t.Errorf("wait(2) says %d, the event %+v", waited, last)
			}
		})
	}
}

// TestParents: the parent is who forked, by exec_id, through forks without exec, exec in place and orphans.
func TestParents(t *testing.T) {
	scenario := scenarioProgram(t)
	r := traceCommand(t, scenario, "exec", scenario, "orphan", scenario, "exit", "2")
	execs := r.execs()
	if len(execs) != 3 {
		t.Fatalf("execs: %v", lines(r))
	}
	first, second, third := execs[0], execs[1], execs[2]
	if first.Process().ExecID == second.Process().ExecID || *first.Process().Pid != *second.Process().Pid {
		t.Error("an exec in place must keep the pid and have an exec_id of its own")
	}
	if got, want := second.Process().ParentExecID, first.Process().ParentExecID; got != want {
		t.Errorf("parent after an exec in place: %s, want the same as before, %s", got, want)
	}
	middle := third.Parent()
	if middle == nil || middle.Binary != scenario || middle.ParentExecID != second.Process().ExecID {
		t.Errorf("the orphan's parent is %+v, want the process between it and %s", middle, second.Process().ExecID)
	}
	if !strings.Contains(first.Process().Flags, "clone") || strings.Contains(second.Process().Flags, "clone") {
		t.Errorf("flags %q and %q: only the first exec came after a fork", first.Process().Flags, second.Process().Flags)
	}
	if first.Parent() == nil || *first.Parent().Pid != uint32(os.Getpid()) {
		t.Errorf("parent of the command: %+v, want this test", first.Parent())
	}
}

func TestSamePid(t *testing.T) {
	scenario := scenarioProgram(t)
	r := traceCommand(t, scenario, "same-pid", scenario, "exit", "2")
	execs := r.execs()[1:]
	last, before := execs[len(execs)-1].Process(), execs[len(execs)-2].Process()
	if *last.Pid != *before.Pid {
		t.Fatalf("pids %d and %d: the scenario did not get the same twice", *before.Pid, *last.Pid)
	}
	if last.ExecID == before.ExecID || last.ParentExecID != before.ParentExecID {
		t.Errorf("a pid that is used again must not be taken for the process that had it: %+v, %+v", before, last)
	}
	if got, want := len(r.exits()), len(r.execs()); got != want {
		t.Errorf("%d exits of %d processes", got, want)
	}
}

// TestForksInBetween: subshells in subshells are told in no event of their own, so an event that hangs on one brings along
// what leads to a process whose exec was told.
func TestForksInBetween(t *testing.T) {
	scenario := scenarioProgram(t)
	r := traceCommand(t, "sh", "-c", "( ( "+scenario+" exit 0; : ); : )")
	execs := r.execs()
	if len(execs) != 2 {
		t.Fatalf("%v", lines(r))
	}
	shell, last := execs[0].Process(), execs[1].ProcessExec
	if last.Parent == nil || last.Parent.Flags != "clone" && !strings.HasSuffix(last.Parent.Flags, " clone") {
		t.Fatalf("the parent is %+v, want a fork", last.Parent)
	}
	if len(last.Ancestors) != 2 || last.Ancestors[0].ExecID != last.Parent.ParentExecID || last.Ancestors[1].ExecID != shell.ExecID {
		t.Errorf("ancestors %+v, want a fork and the shell", last.Ancestors)
	}
}
