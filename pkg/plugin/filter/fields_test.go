// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func TestFields(t *testing.T) {
	exec := execOf(curl(), shell())
	exec.Time, exec.Executable = &event.Timestamp{Time: time.Unix(0, 0).UTC()}, "/usr/bin/busybox"
	exec.ProcessExec.Process.Pod.PodLabels = map[string]string{"app.kubernetes.io/name": "web", "team": "a"}
	hook := connect()
	hook.ProcessKprobe.Args = append(hook.ProcessKprobe.Args, event.Argument{StringArg: new("x"), Label: "l"})
	const tail = `,"node_name":"n1","time":"1970-01-01T00:00:00Z"}`
	for _, test := range []struct {
		fields string
		e      *event.Event
		want   string
	}{
		{"process.binary", exec, `{"process_exec":{"process":{"binary":"/usr/bin/curl"}}` + tail},
		{"process.binary,parent.binary", exec, `{"process_exec":{"process":{"binary":"/usr/bin/curl"},"parent":{"binary":"/bin/sh"}}` + tail},
		{"process.pid,process.binary", exec, `{"process_exec":{"process":{"pid":42,"binary":"/usr/bin/curl"}}` + tail}, // in the order of events
		{"process.pod", exec, `{"process_exec":{"process":{"pod":{"namespace":"shop","name":"web","pod_labels":{"app.kubernetes.io/name":"web","team":"a"}}}}` + tail},
		{"process.pod.name,process.pod", exec, `{"process_exec":{"process":{"pod":{"namespace":"shop","name":"web","pod_labels":{"app.kubernetes.io/name":"web","team":"a"}}}}` + tail},
		{"process.pod,process.pod.name", exec, `{"process_exec":{"process":{"pod":{"namespace":"shop","name":"web","pod_labels":{"app.kubernetes.io/name":"web","team":"a"}}}}` + tail},
		{"process.pod,-process.pod.pod_labels", exec, `{"process_exec":{"process":{"pod":{"namespace":"shop","name":"web"}}}` + tail},
		{"process.pod.pod_labels.app.kubernetes.io/name", exec, `{"process_exec":{"process":{"pod":{"pod_labels":{"app.kubernetes.io/name":"web"}}}}` + tail},
		{"process.pod.pod_labels,-process.pod.pod_labels.app.kubernetes.io/name", exec, `{"process_exec":{"process":{"pod":{"pod_labels":{"team":"a"}}}}` + tail},
		{"process.uid,executable", exec, `{"process_exec":{"process":{"uid":1000}},"executable":"/usr/bin/busybox"` + tail},
		{"process.uid,-time,-node_name", exec, `{"process_exec":{"process":{"uid":1000}}}`},
		{"-process,-parent", exec, `{"process_exec":{},"executable":"/usr/bin/busybox"` + tail},
		{"-process.pod,-process.arguments,-process.cwd,-process.flags,-process.exec_id,-process.parent_exec_id,-parent,-executable", exec,
			`{"process_exec":{"process":{"pid":42,"uid":1000,"binary":"/usr/bin/curl"}}` + tail},
		{"function_name", exec, `{"process_exec":{}` + tail}, // another type has it
		{"function_name,args.sock_arg.daddr", hook, `{"process_kprobe":{"function_name":"tcp_connect","args":[{"sock_arg":{"daddr":"10.1.2.3"}},{}]},"node_name":"n1"}`},
		{"args,-args.label", hook, `{"process_kprobe":{"args":[{"sock_arg":{"daddr":"10.1.2.3","dport":443}},{"string_arg":"x"}]},"node_name":"n1"}`},
		{"process.pid", connected(), `{"process_kprobe":{"process":{"pid":42}},"node_name":"n1"}`},
		{"process.pid,connection", connected(), `{"process_kprobe":{"process":{"pid":42}},"connection":{"incoming":true,"remote":"pod shop/db"},"node_name":"n1"}`},
		{"process.pid,connection.remote", connected(), `{"process_kprobe":{"process":{"pid":42}},"connection":{"remote":"pod shop/db"},"node_name":"n1"}`},
		{"process.pid,connection,-connection.remote", connected(), `{"process_kprobe":{"process":{"pid":42}},"connection":{"incoming":true},"node_name":"n1"}`},
		{"process.pid,connection.remote", connect(), `{"process_kprobe":{"process":{"pid":42}},"node_name":"n1"}`},
		{"process.binary", &event.Event{Notice: &event.Notice{Level: "info", Text: "x"}, NodeName: "n1"}, `{"notice":{"level":"info","text":"x"},"node_name":"n1"}`},
	} {
		f, err := ParseFields(strings.Split(test.fields, ","))
		if err != nil {
			t.Errorf("%s: %v", test.fields, err)
			continue
		}
		before, _ := json.Marshal(test.e)
		got, err := json.Marshal(f.Of(test.e))
		if err != nil || string(got) != test.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", test.fields, got, err, test.want)
		}
		if after, _ := json.Marshal(test.e); string(after) != string(before) {
			t.Errorf("%s: the event was changed:\n%s", test.fields, after)
		}
	}
}

func TestFieldsRefused(t *testing.T) {
	for _, test := range []struct{ field, want string }{
		{"proces.pid", `no event has a field "proces"; did you mean process?`},
		{"process.pidd", `process has no field "pidd"; did you mean pid?`},
		{"process_exec.process.pid", `no event has a field "process_exec"`},
		{"process.pid.x", "process.pid has no fields, so there is no process.pid.x"},
		{"process.start_time.x", "process.start_time has no fields"},
		{"args.file_arg.pth", `args.file_arg has no field "pth"; did you mean path?`},
		{"process..pid", "a name is missing"},
		{"process.", "a name is missing"},
		{"", "no event has a field"},
		{"-", "no event has a field"},
		{"-process.pidd", "did you mean pid?"},
		{"time.x", "time has no fields"},
		{"node_name.x", "node_name has no fields"},
		{"connection.remot", "connection has no field \"remot\"; did you mean remote?"},
	} {
		if _, err := ParseFields([]string{test.field, "process.nope"}); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "nope") {
			t.Errorf("%q: got %v, want %q and the other", test.field, err, test.want)
		}
	}
}

// Every field of the JSON can be asked for.
func TestAllFieldsCanBeNamed(t *testing.T) {
	for _, b := range bodies() {
		for _, name := range fieldNames(b.kind) {
			if _, err := ParseFields([]string{name}); err != nil {
				t.Errorf("%s.%s: %v", b.name, name, err)
			}
		}
	}
}
