// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"fmt"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// of are credentials with one user id, and capabilities if there are some.
func of(uid uint32, capabilities ...string) *event.ProcessCredentials {
	gid := uint32(5)
	return &event.ProcessCredentials{
		Uid: &uid, Euid: &uid, Suid: &uid, Fsuid: &uid, Gid: &gid, Egid: &gid, Sgid: &gid, Fsgid: &gid,
		Caps: &event.Capabilities{Permitted: capabilities, Effective: capabilities}, UserNs: &event.UserNamespace{Level: new(int32(0))},
	}
}

func at(second int) *event.Timestamp { return &event.Timestamp{Time: time.Unix(int64(second), 0)} }

// task is a process as events tell of it; begin is when its program or, if it has executed none, it itself began.
func task(pid uint32, execID, flags string, begin int, credentials *event.ProcessCredentials) *event.Process {
	return &event.Process{Pid: &pid, Tid: &pid, ExecID: execID, Flags: flags, StartTime: at(begin), ProcessCredentials: credentials}
}

func exec(second int, p, parent *event.Process) *event.Event {
	return &event.Event{NodeName: "n1", Time: at(second), ProcessExec: &event.ProcessExec{Process: p, Parent: parent}}
}

func exit(second int, p *event.Process) *event.Event {
	return &event.Event{NodeName: "n1", Time: at(second), ProcessExit: &event.ProcessExit{Process: p}}
}

// commit is one that a tracepoint stands in for; with before it is the function itself.
func commit(second int, p, parent *event.Process, after *event.ProcessCredentials, before ...*event.ProcessCredentials) *event.Event {
	k := &event.ProcessKprobe{Process: p, Parent: parent, FunctionName: compose.CommitCredentials}
	k.PolicyName, k.Args, k.Via = compose.CredentialsPolicy, []event.Argument{{ProcessCredentialsArg: after}}, "tracepoint sys_exit"
	// Where a tracepoint stands in, the current credentials are the new ones.
	k.Data = []event.Argument{{ProcessCredentialsArg: after}}
	for _, b := range before {
		k.Via, k.Data = "", []event.Argument{{ProcessCredentialsArg: b}}
	}
	return &event.Event{NodeName: "n1", Time: at(second), ProcessKprobe: k}
}

func thread(e *event.Event, tid uint32) *event.Event {
	p := *e.ProcessKprobe.Process
	p.Tid = &tid
	e.ProcessKprobe.Process = &p
	return e
}

func elsewhere(e *event.Event) *event.Event {
	e.NodeName = "n2"
	return e
}

// tracked passes one event after the other to a tracker.
func tracked(f Filter) func(*event.Event) bool {
	tracker, tables, budget := New(f), map[string]*processes.Table{}, processes.NewBudget(processes.SessionBytes)
	return func(e *event.Event) bool {
		if tables[e.NodeName] == nil {
			tables[e.NodeName] = processes.NewTable(e.NodeName, budget)
		}
		return tracker.Pass(&pipeline.Item{Event: e, Process: tables[e.NodeName].Observe(e)})
	}
}

func TestBefore(t *testing.T) {
	shell := task(1, "shell", "procFS", 0, of(1000))
	su := task(2, "su", "execve clone", 10, of(0))
	child := task(3, "child", "clone", 20, of(0))
	bash := task(3, "bash", "execve clone", 30, of(7))
	for name, test := range map[string]struct {
		before []*event.Event
		last   *event.Event
		want   string
	}{
		"a program of a process that ran before": {[]*event.Event{exec(10, su, shell)}, commit(10, su, shell, of(0)), "1000 rises"},
		"a call of a process that ran before":    {nil, commit(10, shell, nil, of(0)), "1000 rises"},
		"its second call":                        {[]*event.Event{commit(10, shell, nil, of(0))}, commit(11, shell, nil, of(7)), "0"},
		"a call after exec":                      {[]*event.Event{exec(10, su, shell), commit(10, su, shell, of(0))}, commit(11, su, shell, of(7)), "0"},
		"a program that changes nothing":         {[]*event.Event{exec(10, su, shell)}, commit(10, su, shell, of(1000)), "1000 hidden"},
		"a child":                                {[]*event.Event{exec(10, su, shell), commit(10, su, shell, of(0)), commit(15, su, shell, of(9))}, commit(21, child, su, of(7)), "9"},
		"a child whose parent changes after it was made": {[]*event.Event{exec(10, su, shell), commit(10, su, shell, of(0)), commit(15, su, shell, of(9)), commit(20, su, shell, of(8)), commit(21, su, shell, of(6))},
			commit(22, child, su, of(7)), "8"},
		"a child's program":                    {[]*event.Event{exec(10, su, shell), commit(10, su, shell, of(0)), commit(21, child, su, of(7)), exec(30, bash, su)}, commit(30, bash, su, of(7)), "7 hidden"},
		"a child's child":                      {[]*event.Event{commit(21, child, su, of(7))}, commit(31, task(4, "grandchild", "clone", 30, of(0)), child, of(6)), "7"},
		"a process ID that came again":         {[]*event.Event{commit(10, shell, nil, of(0)), exit(11, shell)}, commit(12, task(1, "other", "execve clone", 11, of(3)), nil, of(4)), "3"},
		"the same ID on another node":          {[]*event.Event{commit(10, shell, nil, of(0))}, elsewhere(commit(11, shell, nil, of(4))), "1000"},
		"the function itself":                  {[]*event.Event{commit(10, shell, nil, of(0))}, commit(11, shell, nil, of(7), of(3)), "3"},
		"the function itself, nothing changes": {nil, commit(11, shell, nil, of(7), of(7)), "7 hidden"},
		"before its exec is told":              {[]*event.Event{commit(10, shell, nil, of(0), of(1000)), exec(10, su, shell)}, commit(11, su, shell, of(7), of(0)), "0"},
		"another thread does it, too":          {[]*event.Event{commit(10, shell, nil, of(7), of(0))}, thread(commit(10, shell, nil, of(7), of(0)), 9), "0 hidden"},
		"the same thread does it again":        {[]*event.Event{commit(10, shell, nil, of(7), of(0)), commit(11, shell, nil, of(0), of(7))}, commit(12, shell, nil, of(7), of(0)), "0"},
		"another thread does something else":   {[]*event.Event{commit(10, shell, nil, of(7), of(0))}, thread(commit(10, shell, nil, of(0), of(7)), 9), "7 rises"},
		"what came between was lost":           {[]*event.Event{commit(10, shell, nil, of(7), of(0))}, commit(12, shell, nil, of(7), of(0)), "0"},
		"the exec's own was lost":              {[]*event.Event{exec(10, su, shell)}, commit(12, task(2, "other", "execve", 11, of(7)), su, of(3)), "0"},
		"nothing is known":                     {nil, commit(10, task(5, "x", "execve clone", 9, nil), nil, of(0)), "not known"},
	} {
		pass := tracked(Filter{})
		for _, e := range test.before {
			pass(e)
		}
		shown := pass(test.last)
		if got := told(test.last, shown); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func told(e *event.Event, shown bool) string {
	text := "not known"
	if b := e.Credentials.Before; b != nil {
		text = fmt.Sprint(*b.Uid)
	}
	if e.Credentials.Rises {
		text += " rises"
	}
	if !shown {
		text += " hidden"
	}
	return text
}

func TestFilter(t *testing.T) {
	shell := task(1, "shell", "procFS", 0, of(1000))
	namespace := commit(1, shell, nil, of(0))
	namespace.ProcessKprobe.FunctionName = compose.CreateUserNamespace
	for name, test := range map[string]struct {
		filter Filter
		e      *event.Event
		want   bool
	}{
		"every, unchanged":        {Filter{Every: true}, commit(1, shell, nil, of(1000)), true},
		"rises, a fall":           {Filter{Rises: true}, commit(1, shell, nil, of(7)), false},
		"rises, a rise":           {Filter{Rises: true}, commit(1, shell, nil, of(0)), true},
		"rises, not known":        {Filter{Rises: true}, commit(1, task(5, "x", "execve", 0, nil), nil, of(0)), false},
		"to 7":                    {Filter{ToUIDs: []uint32{0, 7}}, commit(1, shell, nil, of(7)), true},
		"to another":              {Filter{ToUIDs: []uint32{0, 7}}, commit(1, shell, nil, of(8)), false},
		"to what it is":           {Filter{ToUIDs: []uint32{1000}}, commit(1, shell, nil, of(1000, "CAP_KILL")), false},
		"a namespace":             {Filter{Rises: true}, namespace, true},
		"a namespace, to 7":       {Filter{ToUIDs: []uint32{7}}, namespace, false},
		"what could not be read":  {Filter{Rises: true}, commit(1, shell, nil, nil), true},
		"an event of another one": {Filter{Rises: true}, &event.Event{ProcessKprobe: &event.ProcessKprobe{Process: shell, FunctionName: compose.CommitCredentials}}, true},
		"no event of a process":   {Filter{Rises: true}, &event.Event{Loss: &event.Loss{}}, true},
	} {
		if got := tracked(test.filter)(test.e); got != test.want {
			t.Errorf("%s: shown %t", name, got)
		}
	}
}

func TestCompare(t *testing.T) {
	nested := of(1000)
	nested.UserNs = &event.UserNamespace{Level: new(int32(1))}
	group := of(1000)
	group.Egid = new(uint32(0))
	permitted := of(1000)
	permitted.Caps = &event.Capabilities{Permitted: []string{"CAP_KILL"}}
	inheritable := of(1000)
	inheritable.Caps = &event.Capabilities{Inheritable: []string{"CAP_KILL"}}
	bits := of(1000)
	bits.Securebits = []string{"SecBitKeepCaps"}
	for name, test := range map[string]struct {
		before, after *event.ProcessCredentials
		same, rises   bool
	}{
		"same":                   {of(1000), of(1000), true, false},
		"to root":                {of(1000), of(0), false, true},
		"from root":              {of(0), of(1000), false, false},
		"to another":             {of(1000), of(1001), false, false},
		"root's group":           {of(1000), group, false, true},
		"a capability":           {of(1000), of(1000, "CAP_KILL"), false, true},
		"one that is permitted":  {of(1000), permitted, false, true},
		"one instead of another": {of(1000, "CAP_CHOWN"), of(1000, "CAP_KILL"), false, true},
		"one less":               {of(1000, "CAP_CHOWN", "CAP_KILL"), of(1000, "CAP_KILL"), false, false},
		"one for programs":       {of(1000), inheritable, false, false},
		"a namespace":            {of(1000), nested, false, false},
		"bits":                   {of(1000), bits, false, false},
	} {
		if got := same(test.before, test.after); got != test.same {
			t.Errorf("%s: same %t", name, got)
		}
		if got := rises(test.before, test.after); got != test.rises {
			t.Errorf("%s: rises %t", name, got)
		}
	}
}
