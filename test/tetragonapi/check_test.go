// SPDX-License-Identifier: Apache-2.0

package tetragonapi

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	const tail = `,"node_name":"n","time":"2026-05-01T10:00:00.340Z"}`
	for _, c := range []struct{ line, want string }{
		{`{"process_exec":{"process":{"pid":0,"binary":"/bin/sh"}},"executable":"/bin/dash"` + tail, ""},
		{`{"process_kprobe":{"process":{"pid":1},"function_name":"f","via":"tracepoint sys_exit","would":["KPROBE_ACTION_SIGKILL"]}` + tail, ""},
		{`{"process_throttle":{"type":"THROTTLE_START","cgroup":"/"},"loss":{"cause":"ring","count":1,"total":1}` + tail, ""},
		{`{"process_throttle":{"type":"THROTTLE_STOP","cgroup":"pod1"},"throttled":{"pod":{"name":"p"},"count":1,"total":1}` + tail, ""},
		{`{"process_exec":{"process":{"pid":1,"via":"x"}}` + tail, `unknown field "via"`},
		{`{"process_exec":{"process":{"pidd":1}}` + tail, `unknown field "pidd"`},
		{`{"process_exec":{"process":{"pid":1}},"hostname":"n"` + tail, `unknown field "hostname"`},
		{`{"hello":{}` + tail, `unknown field "hello"`},
		{`{"process_throttle":{"type":"STOPPED"}` + tail, "invalid value"},
		{`{"process_exec":{"process":{"execId":"x"}}` + tail, "process_exec.process.execId is x, there <nil>"},
		{`{"process_uprobe":{"process":{"pid":1},"offset":1}` + tail, "process_uprobe.offset is 1, there 1"},
		{`{"process_exit":{"process":{"pid":1},"status":0}` + tail, "process_exit.status is 0, there <nil>"},
		{`{"process_exec":{"process":{"pid":1}},"node_name":"n","time":"2026-05-01T10:00:00.34Z"}`, "time is 2026-05-01T10:00:00.34Z"},
		{`{"process_exec":{}` + tail, "PROCESS_EXEC without a process"},
		{`{"process_kprobe":{"function_name":"f"}` + tail, "PROCESS_KPROBE without a process"},
		{`{"rate_limit_info":{"number_of_dropped_process_events":"5"}` + tail, "RATE_LIMIT_INFO"},
		{`{"node_name":"n"}`, "no event that the API knows"},
		{`{"process_exec":{"process":{"pid":1}}} {}`, "more than one"},
		{`{"process_exec":{"process":{"cwd":"` + strings.Repeat("x", 1<<16) + `"}}` + tail, "tetra reads lines of less than 65536"},
		{"text", "no JSON object"},
	} {
		switch err := Check([]byte(c.line)); {
		case err == nil && c.want != "":
			t.Errorf("%.100s: accepted, want %q", c.line, c.want)
		case err != nil && (c.want == "" || !strings.Contains(strings.ReplaceAll(err.Error(), "\u00a0", " "), c.want)):
			t.Errorf("%.100s: %v, want %q", c.line, err, c.want)
		}
	}
}
