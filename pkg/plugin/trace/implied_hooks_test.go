// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// Of hooks that nobody asked for it is said what is wrong, and nothing else.
func TestOnlyRemarks(t *testing.T) {
	served := event.Hook{Policy: compose.FailedExecsPolicy, Name: "sys_execve", Backend: "fentry"}
	noted := event.Hook{Policy: compose.FailedExecsPolicy, Name: "sys_execveat", Backend: "fentry", Notes: []string{"sees less"}}
	refused := event.Hook{Policy: compose.FailedExecsPolicy, Name: "sys_execve", Refused: "no tracepoints"}
	for _, test := range []struct {
		hooks []event.Hook
		want  string
	}{
		{[]event.Hook{served}, ""},
		{[]event.Hook{served, noted}, "n1: 1 limit on what hooks see here (-v=1 says which)"},
		{[]event.Hook{served, refused}, "hook sys_execve of policy exec-failed is not attached on n1: no tracepoints"},
	} {
		var out bytes.Buffer
		screen := terminal.NewScreen(&out, &out, false)
		status := render.NewStatus(screen, terminal.Capabilities{})
		hellos := map[string]*event.Hello{"n1": {Hooks: test.hooks}}
		onlyRemarks{status}.Hooks(hellos)
		if err := screen.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); test.want == "" && got != "" || !strings.Contains(got, test.want) || strings.Count(got, "\n") > 1 {
			t.Errorf("%+v: %q", test.hooks, got)
		}
		if hellos["n1"].Hooks[0].Backend == "" {
			t.Error("what others get was changed")
		}
	}
}
