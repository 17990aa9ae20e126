// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func TestExpressions(t *testing.T) {
	exec := execOf(curl(), shell())
	write := &event.Event{ProcessKprobe: &event.ProcessKprobe{Process: curl(), Hooked: event.Hooked{Args: []event.Argument{
		{FileArg: &event.FileArg{Path: "/etc/passwd"}}, {SizeArg: new(uint64)},
	}}}}
	*write.ProcessKprobe.Args[1].SizeArg = 1 << 40
	labelled := execOf(curl(), nil)
	labelled.ProcessExec.Process.Pod.PodLabels = map[string]string{"app.kubernetes.io/name": "web"}
	for _, test := range []struct {
		expression string
		e          *event.Event
		want       bool
	}{
		{"process_exec.process.binary == '/usr/bin/curl'", exec, true},
		{"process_exec.process.binary.startsWith('/usr/') && process_exec.process.uid >= 1000", exec, true},
		{"process_exec.process.binary.matches('url$')", exec, true},
		{"process_exec.process.pid > 42", exec, false},
		{"has(process_exec.process.pod)", exec, true},
		{"has(process_exec.process.cap)", exec, false},
		{"!has(process_exec.process.cap)", exec, true},
		{"process_exec.process.binary != process_exec.parent.binary", exec, true},
		// Another type's variable is there, and empty.
		{"has(process_kprobe.process) || process_exec.process.pid == 42", exec, true},
		{"process_kprobe.process.pid == 42 || process_exec.process.pid == 42", exec, true},
		{"process_kprobe == {} && process_exec != {}", exec, true},
		// 64 bits are a text.
		{"int(process_kprobe.args[1].size_arg) > 1000000", write, true},
		{"process_kprobe.args[1].size_arg == '1099511627776'", write, true},
		{"process_kprobe.args.exists(a, has(a.file_arg) && a.file_arg.path.startsWith('/etc/'))", write, true},
		{"process_kprobe.args.exists(a, has(a.file_arg) && a.file_arg.path.startsWith('/home/'))", write, false},
		{"cidr('10.0.0.0/8').containsIP(process_kprobe.args[0].sock_arg.daddr)", connect(), true},
		{"cidr('192.168.0.0/16').containsIP(process_kprobe.args[0].sock_arg.daddr)", connect(), false},
		{"ip(process_kprobe.args[0].sock_arg.daddr).family() == 4", connect(), true},
		{"process_exec.process.pod.pod_labels['app.kubernetes.io/name'] == 'web'", labelled, true},
		{"process_exec.process.in_init_tree", exec, false}, // not there
		{"process_exec.process.pid == 42 && node_name == 'n1' && executable == ''", exec, true},
		{"process_kprobe.process.pid == 42 && connection.remote == 'pod shop/db' && connection.incoming", connected(), true},
		{"process_kprobe.process.pid == 42 && has(connection.remote)", connect(), false},
		{"process_exec.process.pid == 42 && time.startsWith('19')", timed(), true},
		{"process_exec.process.pid == 42 && detections.exists(d, d.severity == 'high')", detected(), true},
		{"process_exec.process.pid == 42 && detections.exists(d, d.severity == 'low')", detected(), false},
		{"process_exec.process.pid == 42 && size(detections) == 0", exec, true},
	} {
		if got := kept(t, Options{Match: map[string][]string{KeyCEL: {test.expression}}}, test.e); got != test.want {
			t.Errorf("%s: %t", test.expression, got)
		}
	}
	inTree := true
	exec.ProcessExec.Process.InInitTree = &inTree
	if !kept(t, Options{Match: map[string][]string{KeyCEL: {"process_exec.process.in_init_tree"}}}, exec) {
		t.Error("a field that is true")
	}
}

// connected is an event of which more is known than the tracer told.
func connected() *event.Event {
	e := connect()
	e.Connection = &event.Connection{Incoming: true, Remote: "pod shop/db"}
	return e
}

func detected() *event.Event {
	e := execOf(curl(), shell())
	e.Detections = []event.Detection{{Rule: "a rule", Severity: event.SeverityHigh}}
	return e
}

func timed() *event.Event {
	e := execOf(curl(), shell())
	e.Time = &event.Timestamp{Time: time.Unix(0, 0).UTC()}
	return e
}

// What goes wrong with an expression is said once, redacted, and is no match.
func TestTroubleIsSaidOnce(t *testing.T) {
	for _, test := range []struct{ expression, want string }{
		{"process_exec.process.cap.permitted[0] == 'x'", "no such key: cap"},
		{"process_exec.process.binary > 1", "no such overload"},
		{"ip(process_exec.process.arguments) == ip('::1')", "*****"},
	} {
		f, err := New(Options{Match: map[string][]string{KeyCEL: {test.expression, "has(process_exit.process)"}}, Redact: []string{`https?\S*`}})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var said []string
		f.Report(func(text string) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, text)
		})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 100 {
					if keeper(f)(execOf(curl(), shell())) {
						t.Error("kept")
					}
				}
			})
		}
		all.Wait()
		if len(said) != 1 || !strings.Contains(said[0], test.want) || !strings.HasPrefix(said[0], "--cel ") || strings.Contains(said[0], "example.com") {
			t.Errorf("%s: said %q, want %q", test.expression, said, test.want)
		}
	}
}

// No expression keeps an event for long.
func TestCostIsLimited(t *testing.T) {
	e := execOf(curl(), shell())
	for range 60 {
		e.ProcessExec.Ancestors = append(e.ProcessExec.Ancestors, shell())
	}
	all := "process_exec.ancestors"
	expression := "true"
	for _, x := range []string{"a", "b", "c", "d", "e", "f"} {
		expression = all + ".all(" + x + ", " + expression + ")"
	}
	f, err := New(Options{Match: map[string][]string{KeyCEL: {expression}}})
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	f.Report(func(text string) { said <- text })
	begin := time.Now()
	if keeper(f)(e) {
		t.Error("kept")
	}
	if took := time.Since(begin); took > 5*time.Second { // without a limit: minutes
		t.Errorf("took %s", took)
	}
	if text := <-said; !strings.Contains(text, "cost limit") {
		t.Errorf("said %q", text)
	}
}
