// SPDX-License-Identifier: Apache-2.0

package library

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/rules"
)

// start of the events of tests.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ran is the start of a program, so long after start.
func ran(after time.Duration, source, binary, arguments string) *Subject {
	record := &event.Process{ExecID: binary, Binary: binary, Arguments: arguments}
	e := &event.Event{ProcessExec: &event.ProcessExec{Process: record}, Time: &event.Timestamp{Time: start.Add(after)}}
	return &Subject{Event: e, Process: NewProcess(record, ""), Previous: NewProcess(nil, ""), Source: source}
}

// hooked is an event of a hook.
func hooked(function, binary string, arguments ...event.Argument) *Subject {
	s := ran(0, "c", binary, "")
	s.Event.ProcessExec = nil
	s.Event.ProcessKprobe = &event.ProcessKprobe{FunctionName: function, Hooked: event.Hooked{PolicyName: PolicyPrefix + "x", Args: arguments}, Process: &event.Process{Binary: binary}}
	return s
}

// subjects are events of several kinds.
func subjects() []*Subject {
	open := hooked("__x64_sys_openat", "/bin/cat", event.Argument{StringArg: new("x"), Label: labelWritten}, event.Argument{IntArg: new(int32(0)), Label: labelFlags})
	open.Event.ProcessKprobe.Return = &event.Argument{FileArg: &event.FileArg{Path: "/etc/shadow", Permission: "-rw-r-----"}, Label: labelPath}
	return []*Subject{
		ran(0, "c", "/bin/sh", ""), open,
		hooked("__x64_sys_connect", "/bin/sh", event.Argument{IntArg: new(int32(3)), Label: labelFD}, event.Argument{SockaddrArg: &event.SockaddrArg{Family: "AF_INET", Addr: "8.8.8.8", Port: 80}, Label: labelAddress}),
		hooked("security_path_rename", "/bin/mv", event.Argument{PathArg: &event.FileArg{Path: "/a"}, Label: labelPath}, event.Argument{PathArg: &event.FileArg{Path: "/b"}, Label: labelNewPath}),
	}
}

// rule reads one with these lines more, or other ones.
func rule(t *testing.T, lines string) *Rule {
	t.Helper()
	text := plain
	for line := range strings.Lines(lines) {
		key, _, _ := strings.Cut(line, ":")
		if at := strings.Index(text, "\n"+key+":"); at >= 0 {
			end := strings.Index(text[at+1:], "\n") + at + 2
			text = text[:at+1] + line + text[end:]
		} else {
			text += line
		}
	}
	file, problems := Read("f", []byte(text))
	if len(file.Rules) != 1 {
		t.Fatalf("%s: %v", lines, problems)
	}
	return file.Rules[0]
}

// times that a rule fires at each of some events.
func times(r *Rule, events ...*Subject) (fired []int) {
	s := NewSession([]*Rule{r})
	for _, e := range events {
		fired = append(fired, len(s.Evaluate(e, nil)))
	}
	return fired
}

func TestBefore(t *testing.T) {
	r := rule(t, `condition: process.name == "b"
before: [{observe: [exec], condition: 'process.name == "a"', key: process.arguments, note: process.exe, within: 10s}]
key: ['"none"', process.arguments]
output: "{process.exe} after {noted}"
`)
	got := times(r, ran(0, "c", "/b", "1"), ran(1e9, "c", "/a", "1"), ran(2e9, "c", "/b", "1"), ran(2e9, "c", "/b", "2"), ran(2e9, "other", "/b", "1"), ran(11e9, "c", "/b", "1"), ran(12e9, "c", "/b", "1"))
	if want := []int{0, 0, 1, 0, 0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("fired %v, want %v", got, want)
	}
	s := NewSession([]*Rule{r})
	s.Evaluate(ran(0, "c", "/a", "1"), nil)
	if m := s.Evaluate(ran(0, "c", "/b", "1"), nil); len(m) != 1 || m[0].Output != "/b after /a" {
		t.Errorf("%+v", m)
	}
}

func TestCount(t *testing.T) {
	r := rule(t, "count: {by: process.name, distinct: process.arguments, at_least: 3, within: 10s}\n")
	got := times(r, ran(0, "c", "/a", "1"), ran(1e9, "c", "/a", "1"), ran(2e9, "c", "/a", "2"), ran(3e9, "c", "/b", "3"), ran(3e9, "d", "/a", "3"), ran(13e9, "c", "/a", "3"), ran(13e9, "c", "/a", "4"), ran(14e9, "c", "/a", "5"), ran(14e9, "c", "/a", "6"))
	if want := []int{0, 0, 0, 0, 0, 0, 0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("fired %v, want %v", got, want)
	}
	r = rule(t, "count: {by: process.name, at_least: 2, within: 10s}\n")
	if got, want := times(r, ran(0, "c", "/a", ""), ran(10e9, "c", "/a", ""), ran(10e9, "c", "/a", "")), []int{0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("fired %v, want %v", got, want)
	}
}

func TestFirst(t *testing.T) {
	r := rule(t, "first: [process.exe]\n")
	if got, want := times(r, ran(0, "c", "/a", ""), ran(1, "c", "/a", ""), ran(2, "d", "/a", ""), ran(3, "c", "/b", "")), []int{1, 0, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("fired %v, want %v", got, want)
	}
}

// What is remembered is bounded, and what is forgotten is counted.
func TestBounded(t *testing.T) {
	r := rule(t, "first: [process.exe]\n")
	s := NewSession([]*Rule{r})
	for i := range mostRemembered + 7 {
		s.Evaluate(ran(0, "c", fmt.Sprintf("/%d", i), ""), nil)
	}
	if troubles := s.Troubles(); len(troubles) != 1 || troubles[0].Forgotten != 7 || len(s.rules[0].first[0].entries) != mostRemembered {
		t.Errorf("%+v", troubles)
	}
}

// An exception needs all of its fields.
func TestExceptions(t *testing.T) {
	r := rule(t, "exceptions: [{name: n, match: {process.exe: [/a, /usr/*], process.arguments: x}}]\n")
	if got, want := times(r, ran(0, "c", "/a", "x"), ran(0, "c", "/a", "y"), ran(0, "c", "/usr/z", "x"), ran(0, "c", "/us", "x")), []int{0, 1, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("fired %v, want %v", got, want)
	}
}

// What cannot be evaluated is no match, and is counted with its reason.
func TestTroubles(t *testing.T) {
	s := NewSession([]*Rule{rule(t, "condition: ancestors[3].exe == ''\n")})
	if m := s.Evaluate(ran(0, "c", "/a", ""), nil); len(m) != 0 {
		t.Errorf("%+v", m)
	}
	if troubles := s.Troubles(); len(troubles) != 1 || troubles[0].Failed != 1 || !strings.Contains(troubles[0].Reason, "index") {
		t.Errorf("%+v", troubles)
	}
}

func TestRuns(t *testing.T) {
	for _, test := range []struct {
		exe, binary string
		args        []string
		name        string
		want        bool
	}{
		{"/usr/bin/python3.11", "/usr/bin/python3", nil, "python", true},
		{"/bin/busybox", "/bin/wget", nil, "wget", true},
		{"/bin/busybox", "/bin/busybox", []string{"wget"}, "wget", true},
		{"/bin/bash", "/bin/bash", []string{"wget"}, "wget", false},
		{"/usr/bin/python3.11", "/usr/bin/pip", nil, "pip", true},
		{"/usr/bin/xpython", "/usr/bin/xpython", nil, "python", false},
	} {
		p := &Process{Exe: test.exe, Name: test.exe[strings.LastIndex(test.exe, "/")+1:], Binary: test.binary, Args: test.args}
		if got := p.runs([]string{test.name}); got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
	}
}

// Only the policies of the library are evaluated: others may hook the same functions.
func TestOtherPolicies(t *testing.T) {
	r := rule(t, "observe: [rename]\n")
	e := subjects()[3]
	if got := times(r, e); got[0] != 1 {
		t.Errorf("fired %v", got)
	}
	e.Event.ProcessKprobe.PolicyName = "mine"
	if got := times(r, e); got[0] != 0 {
		t.Errorf("fired %v at another policy", got)
	}
}

// BenchmarkProgram is what all rules of the library take for a program that runs and is of no interest.
func BenchmarkProgram(b *testing.B) {
	all, err := ReadAll(rules.Files)
	if err != nil {
		b.Fatal(err)
	}
	session, e := NewSession(all), ran(0, "c", "/usr/bin/ls", "-la /usr/share/doc")
	for range 8 {
		e.Ancestors = append(e.Ancestors, ran(0, "c", "/usr/bin/bash", "-c something").Process)
	}
	for b.Loop() {
		if found := session.Evaluate(e, nil); len(found) != 0 {
			b.Fatal(found)
		}
	}
}
