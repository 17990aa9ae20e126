// SPDX-License-Identifier: Apache-2.0

package help

import (
	"slices"

	"github.com/spf13/cobra"
)

// habits are flags of kubectl, stern and tetra that these commands do not have, and what stands for them here. Of several rows the
// first counts whose flag the command has.
var habits = [...]struct {
	flags []string
	// flag of this plugin that does it; empty where none does.
	flag, advice string
}{
	{[]string{"f", "follow", "w", "watch"}, "", "events are shown as they happen anyway: leave it out"},
	{[]string{"tail", "since", "since-time", "previous", "no-follow"}, "", "nothing is recorded before a trace begins: events are shown from then on"},
	{[]string{"p", "pod-name", "po"}, "pod", "--pod names a pod, and so does an argument"},
	{[]string{"i", "t", "it", "ti", "stdin", "tty"}, "", "nothing is run in a pod here, what runs there is shown; kubectl exec -it runs something"},
	{[]string{"all"}, "all-pods", "--all-pods are those of the namespace, -A those of all"},
	{[]string{"all"}, "all-sessions", "--all-sessions removes what all sessions left"},
	{[]string{"all"}, "all-namespaces", "all pods of the namespace are the default, -A are those of all namespaces"},
	{[]string{"all-containers", "all-pods"}, "pod", "all are traced unless some are named: leave it out"},
	{[]string{"e", "event-types", "event-type"}, "event", "--event takes types of events"},
	{[]string{"b", "process", "processes", "comm", "command", "program"}, "binary", "--binary filters by program"},
	{[]string{"policy-names"}, "policy", "--policy filters by policy"},
	{[]string{"cel-expression"}, "cel", "--cel filters by an expression"},
	{[]string{"include", "grep", "regex"}, "args", "--args filters by arguments, --cel by anything"},
	{[]string{"include-fields", "F", "exclude-fields"}, "fields", "--fields says which, -FIELD leaves one out"},
	{[]string{"user"}, "uid", "--uid filters by user"},
	{[]string{"timeout", "time"}, "duration", "--duration 30s ends it"},
	{[]string{"limit", "limit-bytes", "count"}, "max-events", "--max-events ends it after so many"},
	{[]string{"proto", "protocol"}, "to", "--op says what is shown, --op connect,udp includes UDP"},
	{[]string{"no-color", "no-colors"}, "color", "--color never"},
	{[]string{"json", "yaml", "wide"}, "output", "the format is said by -o"},
	{[]string{"format", "template"}, "output", "-o says it; -o jsonpath=TEMPLATE picks fields"},
	{[]string{"verbose", "debug"}, "", "-v 6 shows each request to the API server"},
	{[]string{"q", "quiet", "s", "silent"}, "", "messages are on standard error: 2>/dev/null"},
	{[]string{"y", "yes", "force"}, "", "nothing is asked here: leave it out"},
	{[]string{"host"}, "local", "--local traces this machine"},
	{[]string{"A"}, "tracer-namespace", "only the tracers' namespace is looked at: --tracer-namespace says which"},
}

// habit is what stands here for a flag of other tools; empty where that is not known.
func habit(cmd *cobra.Command, typed string) string {
	if cmd.Flags().Lookup("tracer-namespace") == nil { // it traces nothing
		return ""
	}
	for _, h := range habits {
		if slices.Contains(h.flags, typed) && (h.flag == "" || cmd.Flags().Lookup(h.flag) != nil) {
			return ": " + h.advice
		}
	}
	return ""
}
