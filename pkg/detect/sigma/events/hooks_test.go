// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma/events"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// The hooks of all operations make a policy that can be read.
func TestHooksMakeAPolicy(t *testing.T) {
	var text strings.Builder
	text.WriteString("apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: sigma\nspec:\n  kprobes:\n")
	hooks := 0
	for _, operation := range []events.Operation{
		events.OpOpen, events.OpCreate, events.OpTruncate, events.OpMkdir, events.OpRename, events.OpLink, events.OpSymlink, events.OpUnlink,
		events.OpRmdir, events.OpConnect, events.OpAccept,
	} {
		if len(events.Hooks(operation)) == 0 {
			t.Errorf("no hook tells of %s", operation)
		}
		for _, h := range events.Hooks(operation) {
			hooks++
			fmt.Fprintf(&text, "  - {call: %s, syscall: false, args: [", h.Function)
			for _, a := range h.Arguments {
				fmt.Fprintf(&text, "{index: %d, type: %s", a.Index, a.Type)
				if a.Resolve != "" {
					fmt.Fprintf(&text, ", label: %s, resolve: %s, btfType: %s", a.Label, a.Resolve, a.BTFType)
				}
				text.WriteString("}, ")
			}
			text.WriteString("]")
			if h.Return != "" {
				fmt.Fprintf(&text, ", return: true, returnArg: {index: 0, type: %s}", h.Return)
			}
			text.WriteString("}\n")
		}
	}
	file, err := policy.Parse("sigma.yaml", strings.NewReader(text.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	if got := len(file.Policies[0].Hooks); got != hooks {
		t.Errorf("%d hooks, want %d", got, hooks)
	}
}
