// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/processes"
)

// curl is an exec, its exit, and what a policy told of it.
func curl() *event.Process {
	return &event.Process{
		ExecID: "curl", ParentExecID: "sh", Binary: "/usr/bin/curl", Arguments: "-s https://example.com", Cwd: "/root",
		Pid: new(uint32(42)), Uid: new(uint32(1000)), Flags: "execve clone", Pod: &event.Pod{Namespace: "shop", Name: "web"},
	}
}

func shell() *event.Process {
	return &event.Process{ExecID: "sh", ParentExecID: "shim", Binary: "/bin/sh", Arguments: "-c entrypoint", Pid: new(uint32(41)), Uid: new(uint32(0)), Flags: "execve clone"}
}

func execOf(p, parent *event.Process, ancestors ...*event.Process) *event.Event {
	return &event.Event{ProcessExec: &event.ProcessExec{Process: p, Parent: parent, Ancestors: ancestors}, NodeName: "n1"}
}

func exitOf(p, parent *event.Process) *event.Event {
	return &event.Event{ProcessExit: &event.ProcessExit{Process: p, Parent: parent}, NodeName: "n1"}
}

func connect() *event.Event {
	return &event.Event{NodeName: "n1", ProcessKprobe: &event.ProcessKprobe{
		Process: curl(), Parent: shell(), FunctionName: "tcp_connect",
		Hooked: event.Hooked{PolicyName: "net", Args: []event.Argument{{SockArg: &event.SockArg{Daddr: "10.1.2.3", Dport: 443}}}},
	}}
}

// keeper says of one event after the other whether a filter keeps it.
func keeper(f *Filter) func(*event.Event) bool {
	tables, budget := map[string]*processes.Table{}, processes.NewBudget(processes.SessionBytes)
	return func(e *event.Event) bool {
		if tables[e.NodeName] == nil {
			tables[e.NodeName] = processes.NewTable(e.NodeName, budget)
		}
		return f.Pass(&pipeline.Item{Event: e, Process: tables[e.NodeName].Observe(e)})
	}
}

// kept says whether a filter of some criteria keeps an event.
func kept(t *testing.T, o Options, e *event.Event) bool {
	t.Helper()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Report(func(text string) { t.Log(text) })
	return keeper(f)(e)
}

func TestCriteria(t *testing.T) {
	exec, hook := execOf(curl(), shell()), connect()
	for _, test := range []struct {
		what string
		key  string
		// values are separated by blanks.
		values string
		e      *event.Event
		want   bool
	}{
		{"path", KeyBinary, "/usr/bin/curl", exec, true},
		{"path, another folder", KeyBinary, "/bin/curl", exec, false},
		{"path, begins alike", KeyBinary, "/usr/bin/curl2", exec, false},
		{"path is no expression", KeyBinary, "/usr/bin/cur.", exec, false},
		{"name", KeyBinary, "curl", exec, true},
		{"name, not its end", KeyBinary, "url", exec, false},
		{"name, not its beginning", KeyBinary, "cur", exec, false},
		{"name, one of two", KeyBinary, "wget curl", exec, true},
		{"name of none", KeyBinary, "wget fetch", exec, false},
		{"expression", KeyBinary, "~url$", exec, true},
		{"expression, anchored elsewhere", KeyBinary, "~^curl", exec, false},
		{"program of a hook's event", KeyBinary, "curl", hook, true},
		{"program, process not known", KeyBinary, "~.*", execOf(nil, shell()), false},
		{"parent", KeyParentBinary, "/bin/sh", exec, true},
		{"parent is not the process", KeyParentBinary, "curl", exec, false},
		{"parent not known", KeyParentBinary, "~.*", execOf(curl(), nil), false},
		{"arguments", KeyArguments, "example[.]com", exec, true},
		{"arguments, not of the parent", KeyArguments, "entrypoint", exec, false},
		{"arguments, not the program", KeyArguments, "curl", exec, false},
		{"user", KeyUID, "1000", exec, true},
		{"another user", KeyUID, "100", exec, false},
		{"one of two users", KeyUID, "0 1000", exec, true},
		{"user not known", KeyUID, "0", execOf(&event.Process{}, nil), false},
		{"pid", KeyPID, "42", exec, true},
		{"pid of the parent", KeyPID, "41", exec, false},
		{"narrower type", KeyEvent, "exec-failed", failedExec(), true},
		{"its own type", KeyEvent, "kprobe", failedExec(), true},
		{"narrower type, another function", KeyEvent, "exec-failed", hook, false},
		{"exec is no failed one", KeyEvent, "exec-failed", exec, false},
		{"failed one is no exec", KeyEvent, "exec", failedExec(), false},
		{"policy", KeyPolicy, "net", hook, true},
		{"another policy", KeyPolicy, "ne network", hook, false},
		{"policy, event of none", KeyPolicy, "net", exec, false},
		{"type", KeyEvent, "exec", exec, true},
		{"another type", KeyEvent, "exit kprobe", exec, false},
		{"type of a hook", KeyEvent, "kprobe", hook, true},
		{"CEL", KeyCEL, "process_exec.process.uid==1000", exec, true},
		{"CEL, false", KeyCEL, "process_exec.process.uid==0", exec, false},
		{"CEL, another type", KeyCEL, "process_exit.process.uid==1000", exec, false},
		{"ancestor: itself", KeyAncestor, "curl", exec, true},
		{"ancestor: its parent", KeyAncestor, "^/bin/sh$", exec, true},
		{"ancestor: with arguments", KeyAncestor, "^/bin/sh.-c.entrypoint$", exec, true},
		{"ancestor: neither", KeyAncestor, "^/bin/sh.-c$", exec, false},
	} {
		t.Run(test.key+" "+test.what, func(t *testing.T) {
			values := strings.Fields(test.values)
			if got := kept(t, Options{Match: map[string][]string{test.key: values}}, test.e); got != test.want {
				t.Errorf("kept: %t", got)
			}
			var exclude []string
			for _, value := range values {
				exclude = append(exclude, test.key+"="+value)
			}
			if got := kept(t, Options{Exclude: exclude}, test.e); got == test.want {
				t.Errorf("kept when it is excluded: %t", got)
			}
		})
	}
}

func TestEachCriterionIsTested(t *testing.T) {
	if got := strings.Join(Keys(), " "); got != "binary parent-binary args uid pid policy event ancestor cel" {
		t.Errorf("criteria %s: TestCriteria needs rows for what is new", got)
	}
}

// Different criteria all have to match, and what is excluded is left out even so.
func TestCombinations(t *testing.T) {
	match := func(pairs ...string) map[string][]string {
		m := map[string][]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = append(m[pairs[i]], pairs[i+1])
		}
		return m
	}
	for _, test := range []struct {
		what string
		o    Options
		want bool
	}{
		{"nothing", Options{}, true},
		{"both", Options{Match: match(KeyBinary, "curl", KeyUID, "1000")}, true},
		{"one of two", Options{Match: match(KeyBinary, "curl", KeyUID, "0")}, false},
		{"the other of two", Options{Match: match(KeyBinary, "wget", KeyUID, "1000")}, false},
		{"three", Options{Match: match(KeyBinary, "wget", KeyBinary, "curl", KeyEvent, "exec", KeyArguments, "https")}, true},
		{"wanted and excluded", Options{Match: match(KeyBinary, "curl"), Exclude: []string{"uid=1000"}}, false},
		{"wanted, another excluded", Options{Match: match(KeyBinary, "curl"), Exclude: []string{"uid=0", "args=ftp"}}, true},
		{"one of the excluded", Options{Exclude: []string{"uid=0", "args=https"}}, false},
		{"a value with =", Options{Exclude: []string{"cel=process_exec.process.uid == 1000"}}, false},
		{"descends, but excluded", Options{Match: match(KeyAncestor, "sh"), Exclude: []string{"binary=curl"}}, false},
		{"descends from two", Options{Match: match(KeyAncestor, "sh"), Exclude: []string{"ancestor=entrypoint"}}, false},
	} {
		if got := kept(t, test.o, execOf(curl(), shell())); got != test.want {
			t.Errorf("%s: kept: %t", test.what, got)
		}
	}
}

// What the stream says of itself is never filtered.
func TestMessagesStay(t *testing.T) {
	o := Options{Match: map[string][]string{KeyBinary: {"x"}, KeyEvent: {"exec"}, KeyAncestor: {"x"}}, Exclude: []string{"cel=true || has(process_exec.process)"}}
	for _, e := range []*event.Event{
		{Hello: &event.Hello{}}, {Loss: &event.Loss{}}, {Notice: &event.Notice{}}, {Bye: &event.Bye{}}, {},
	} {
		if !kept(t, o, e) {
			t.Errorf("%s is filtered", e.Kind())
		}
	}
}

// What is filtered does not depend on the way that an event came: its JSON read again has the same result.
func TestRoundTrip(t *testing.T) {
	options := []Options{
		{Match: map[string][]string{KeyBinary: {"curl"}}}, {Match: map[string][]string{KeyUID: {"1000"}}}, {Match: map[string][]string{KeyPolicy: {"net"}}},
		{Match: map[string][]string{KeyCEL: {"process_exec.process.pid == 42 || process_kprobe.args[0].sock_arg.dport == 443"}}},
		{Match: map[string][]string{KeyAncestor: {"/sh -c"}}}, {Exclude: []string{"event=exit", "args=example"}}, {Match: map[string][]string{KeyParentBinary: {"~.*"}}},
	}
	for _, e := range []*event.Event{execOf(curl(), shell()), exitOf(curl(), shell()), connect(), execOf(shell(), nil), {Notice: &event.Notice{Text: "x"}}} {
		encoded, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var decoded event.Event
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Fatal(err)
		}
		for _, o := range options {
			if a, b := kept(t, o, e), kept(t, o, &decoded); a != b {
				t.Errorf("%v: kept %t, read again %t: %s", o, a, b, encoded)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{KeyBinary, "", "want the path of a program"},
		{KeyBinary, "bin/curl", "neither a path that begins with / nor a name"},
		{KeyBinary, "/usr/bin/", "a folder is ~^/folder/"},
		{KeyBinary, "/usr//bin/curl", "not the path of a program"},
		{KeyBinary, "/usr/../bin/curl", "not the path of a program"},
		{KeyBinary, "~(", "missing closing )"},
		{KeyBinary, "~", "a regular expression is missing"},
		{KeyParentBinary, "~[", "missing closing ]"},
		{KeyArguments, "*", "missing argument to repetition operator"},
		{KeyArguments, "", "a regular expression is missing"},
		{KeyUID, "root", "want a number from 0 to 4294967295"},
		{KeyUID, "4294967296", "want a number from 0 to 4294967295"},
		{KeyUID, "-1", "want a number"},
		{KeyPID, "1x", "want a number"},
		{KeyPolicy, "", "the name of a policy is missing"},
		{KeyEvent, "exek", "did you mean exec?"},
		{KeyEvent, "everything", "want one of exec, exec-failed, exit, kprobe, loader, lsm, tracepoint, uprobe, usdt"},
		{KeyEvent, "PROCESS_EXEC", "unknown type of event"},
		{KeyAncestor, "(", "missing closing )"},
		{KeyAncestor, "", "a regular expression is missing"},
		{KeyCEL, "process_exec.", "Syntax error"},
		{KeyCEL, "", "Syntax error"},
		{KeyCEL, "node_name == 'n1'", "names no type of event"},
		{KeyCEL, "process_kprobe.process.pid == 1 && connection.remot == ''", `connection has no field "remot"; did you mean remote?`},
		{KeyCEL, "process_exec.process.pid == 1 && node_name.x == ''", "does not support field selection"},
		{KeyCEL, "true", "names no type of event: process_exec, process_exit"},
		{KeyCEL, "process_exek.process.pid == 1", "undeclared reference to 'process_exek'"},
		{KeyCEL, "process_exec.process.binary == 1 + ''", "found no matching overload"},
		{KeyCEL, "process_exec.proces.pid == 1", `process_exec has no field "proces"; did you mean process?`},
		{KeyCEL, `process_exec["proces"].pid == 1`, `process_exec has no field "proces"`},
		{KeyCEL, "has(process_exec.process.podd)", `process_exec.process has no field "podd"`},
		{KeyCEL, "process_exec.process.pod.pod_labels.app.x == 'y'", "process_exec.process.pod.pod_labels.app has no fields"},
		{KeyCEL, "process_kprobe.args.file_arg.path == 'x'", "process_kprobe.args is a list: process_kprobe.args[0].file_arg"},
		{KeyCEL, "process_kprobe.args[0].file_arg.pat == 'x'", `process_kprobe.args[…].file_arg has no field "pat"`},
		{KeyCEL, "process_kprobe.args.exists(a, a.file_ar.path == 'x')", `a has no field "file_ar"`},
		{KeyCEL, "process_exec.process.binary", "is neither true nor false"},
		{KeyCEL, "process_exec.process.pid", "is neither true nor false"},
		{KeyCEL, "process_exec.process", "is neither true nor false"},
		{KeyCEL, "size(process_exec.process.binary)", "is neither true nor false"},
	} {
		_, err := New(Options{Match: map[string][]string{test.key: {test.value}}})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "--"+test.key+" ") {
			t.Errorf("--%s %q: got %v, want %q", test.key, test.value, err, test.want)
		}
		_, err = New(Options{Exclude: []string{test.key + "=" + test.value}})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "--exclude "+test.key+"=") {
			t.Errorf("--exclude %s=%q: got %v, want %q", test.key, test.value, err, test.want)
		}
	}
	for _, test := range []struct{ term, want string }{
		{"binary", "want KEY=VALUE"}, {"", "want KEY=VALUE"}, {"binry=x", "did you mean binary?"}, {"namespace=x", "want one of "},
	} {
		if _, err := New(Options{Exclude: []string{test.term}}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("--exclude %q: got %v, want %q", test.term, err, test.want)
		}
	}
	for _, test := range []struct{ value, want string }{
		{"(", "missing closing )"}, {"", "a regular expression is missing"}, {"x*", "matches an empty text"}, {"()", "matches an empty text"},
	} {
		if _, err := New(Options{Redact: []string{test.value}}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("--redact %q: got %v, want %q", test.value, err, test.want)
		}
	}
}

func TestAllThatIsWrongIsSaid(t *testing.T) {
	_, err := New(Options{
		Match:   map[string][]string{KeyBinary: {"~(", "~[", "fine"}, KeyUID: {"x"}, KeyCEL: {"true", "1"}},
		Exclude: []string{"nokey", "uid=y"}, Redact: []string{"("},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"~("`, `"~["`, `--uid "x"`, `--cel "true"`, `--cel "1"`, "nokey", `--exclude uid="y"`, `--redact "("`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("lacks %s: %v", want, err)
		}
	}
}

func failedExec() *event.Event {
	return &event.Event{ProcessKprobe: &event.ProcessKprobe{
		Process: curl(), FunctionName: "__x64_sys_execve", Return: &event.Argument{IntArg: new(int32(-2))},
		Hooked: event.Hooked{Args: []event.Argument{{StringArg: new("/nonexistent")}}},
	}}
}
