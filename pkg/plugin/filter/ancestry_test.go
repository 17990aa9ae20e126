// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// image is a program image of a process.
func image(id, parent string, pid uint32, binary, arguments, flags string) *event.Process {
	return &event.Process{ExecID: id, ParentExecID: parent, Pid: &pid, Binary: binary, Arguments: arguments, Flags: flags}
}

func TestAncestry(t *testing.T) {
	const began, again = "execve clone", "execve"
	sshd := image("sshd", "init", 10, "/usr/sbin/sshd", "-D", began)
	bash := image("bash", "sshd", 11, "/bin/bash", "", began)
	bashToo := image("bash2", "sshd", 11, "/bin/bash", "", again) // after login, in its place
	ls := image("ls", "bash2", 12, "/bin/ls", "", began)
	cron := image("cron", "init", 20, "/usr/sbin/cron", "-f", began)
	job := image("job", "cron", 21, "/bin/sh", "-c job", began)
	subshell := image("subshell", "bash2", 13, "/bin/bash", "", "clone") // executes nothing, so no event is about its start
	inner := image("inner", "subshell", 14, "/bin/cat", "", began)
	script := image("script", "job", 30, "/bin/sh", "-c evil.sh", began)
	became := image("became", "job", 30, "/usr/bin/python3", "", again)
	child := image("child", "became", 31, "/bin/id", "", began)
	reused := image("reused", "cron", 30, "/bin/date", "", began)
	for _, test := range []struct {
		what    string
		pattern string
		steps   []*event.Event
		want    string // a letter per step: x is kept
	}{
		{"from the start on", "sshd$", []*event.Event{
			execOf(sshd, nil), execOf(bash, sshd), execOf(bashToo, sshd), execOf(ls, bashToo), execOf(job, cron), exitOf(ls, bashToo),
		}, "xxxx-x"},
		{"it ran before", "sshd$", []*event.Event{execOf(bash, sshd), execOf(bashToo, sshd), execOf(ls, bashToo), exitOf(bashToo, sshd)}, "xxxx"},
		{"a parent that only forked", "sshd$", []*event.Event{execOf(bash, sshd), execOf(bashToo, sshd), execOf(inner, subshell, bashToo)}, "xxx"},
		{"a parent that only forked, known by its own parent", "sshd$", []*event.Event{execOf(bashToo, sshd), execOf(inner, subshell)}, "xx"},
		{"the parent ended before", "sshd$", []*event.Event{execOf(bashToo, sshd), exitOf(bashToo, sshd), execOf(ls, bashToo)}, "xxx"},
		{"with arguments", "sh -c evil", []*event.Event{execOf(job, cron), execOf(script, job), execOf(child, script)}, "-xx"},
		{"it replaces its program", "sh -c evil", []*event.Event{execOf(script, job), execOf(became, job), execOf(child, became), exitOf(became, job)}, "xxxx"},
		{"its PID is another's later", "sh -c evil", []*event.Event{execOf(script, job), exitOf(script, job), execOf(reused, cron), exitOf(reused, cron)}, "xx--"},
		{"its exit was lost", "sh -c evil", []*event.Event{execOf(script, job), execOf(reused, cron), execOf(image("x", "cron", 30, "/bin/x", "", again), cron)}, "x--"},
		{"what an earlier program started is not followed", "sh -c evil", []*event.Event{
			execOf(job, cron), execOf(image("early", "job", 40, "/bin/sleep", "", began), job), execOf(image("evil", "cron", 21, "/bin/sh", "-c evil", again), cron),
			execOf(image("late", "job", 41, "/bin/sleep", "", began), job), execOf(image("own", "evil", 42, "/bin/id", "", began), image("evil", "cron", 21, "/bin/sh", "-c evil", again)),
		}, "--x-x"},
		{"siblings are not followed", "^/bin/bash$", []*event.Event{execOf(sshd, nil), execOf(job, cron), execOf(bash, sshd), execOf(cron, nil)}, "--x-"},
	} {
		f, err := New(Options{Match: map[string][]string{KeyAncestor: {test.pattern}}})
		if err != nil {
			t.Fatal(err)
		}
		got, keep := "", keeper(f)
		for _, e := range test.steps {
			if keep(e) {
				got += "x"
			} else {
				got += "-"
			}
		}
		if got != test.want {
			t.Errorf("%s: kept %s, want %s", test.what, got, test.want)
		}
	}
}

// The same PID on another node is another process.
func TestAncestryByNode(t *testing.T) {
	f, err := New(Options{Match: map[string][]string{KeyAncestor: {"evil"}}})
	if err != nil {
		t.Fatal(err)
	}
	keep := keeper(f)
	keep(execOf(image("a", "", 7, "/evil", "", "execve clone"), nil))
	other := execOf(image("b", "", 7, "/bin/true", "", "execve"), nil)
	other.NodeName = "n2"
	if keep(other) {
		t.Error("a process of another node is followed")
	}
}

// Criteria that reject an event do not keep ancestry from learning from it.
func TestAncestryLearnsFromWhatIsRejected(t *testing.T) {
	f, err := New(Options{Match: map[string][]string{KeyAncestor: {"evil"}, KeyBinary: {"id"}}})
	if err != nil {
		t.Fatal(err)
	}
	sh := image("sh", "evil", 2, "/bin/sh", "", "execve clone")
	keep := keeper(f)
	if keep(execOf(sh, image("evil", "", 1, "/evil", "", ""))) {
		t.Error("sh is kept")
	}
	if !keep(execOf(image("id", "sh", 3, "/bin/id", "", "execve clone"), sh)) {
		t.Error("id is not kept")
	}
}

// What the table of processes forgets is recognised again by what events tell of its parent, and takes no memory.
func TestAncestryForgets(t *testing.T) {
	f, err := New(Options{Match: map[string][]string{KeyAncestor: {"evil"}}})
	if err != nil {
		t.Fatal(err)
	}
	table := processes.NewTable("n1", processes.NewBudget(0))
	root := image("root", "", 1, "/evil", "", "execve clone")
	for i := range uint32(1000) {
		e := execOf(image(fmt.Sprint(i), "root", i+2, "/bin/true", "", "execve clone"), root)
		if !f.Pass(&pipeline.Item{Event: e, Process: table.Observe(e)}) {
			t.Fatalf("process %d is not followed", i)
		}
	}
}

// Whoever is followed once is not compared with the patterns again, and neither is who is not until it runs another program.
func TestAncestryComparesOncePerProgram(t *testing.T) {
	f, err := New(Options{Match: map[string][]string{KeyAncestor: {"evil"}}})
	if err != nil {
		t.Fatal(err)
	}
	keep := keeper(f)
	for _, binary := range []string{"/bin/true", "/evil"} {
		p := image(binary, "", 7, binary, "", "execve")
		want := keep(execOf(p, nil))
		if changed := *p; want != (binary == "/evil") {
			t.Errorf("%s: kept %t", binary, want)
		} else if changed.Binary = "/evil/by-then"; keep(exitOf(&changed, nil)) != want {
			t.Errorf("%s: the program is compared again", binary)
		}
	}
}
