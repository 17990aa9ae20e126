// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// aboutFilters is what the flags' own lines have no room for.
const aboutFilters = `Which events are shown, and what of them. Every command that traces has these flags, and every output shows the same.
Values of one flag are alternatives, different flags all have to match. What was traced and is not shown is counted
(FILTERED in the summary). What a policy enforced, losses and errors are always shown.

`

// moreAboutFilters follows the flags.
const moreAboutFilters = `
PROGRAM     process.binary of the JSON: /usr/bin/curl is that path, curl any that ends in /curl, ~^/tmp/ an expression.
            What busybox runs of itself without asking for a file, as its shell does, is busybox.
REGEX       RE2, found anywhere in the text unless ^ and $ say otherwise; an argument that has a blank is in "quotes"
--ancestor  of processes that all ran before, a child of a match is known, a grandchild is not
--cel       has a variable for each type of event (process_exec, process_kprobe, …), with what the JSON has there, and
            node_name and connection beside; it is about the types that it names. What an event lacks is an error,
            said once, and no match: ask has(process_exec.process.pod). 64-bit numbers are strings, as in the JSON:
            int(process_uprobe.offset) > 4096. For addresses there are Kubernetes' ip() and cidr().
--redact    comes last: filters see what is taken out

Examples:
` + exampleFilters + "\n"

// exampleFilters are of the flags themselves.
const exampleFilters = `  # What curl and wget did as root, but for calls to localhost
  kubectl trace-sec exec deploy/web --binary curl --binary wget --uid 0 --exclude args=localhost
  # All that descends from a login, passwords taken out
  kubectl trace-sec exec -A --ancestor '/sshd$' --redact '--password[ =](\S+)'
  # Connections to a network, as a few fields of JSON
  kubectl trace-sec run -f net.yaml --cel 'cidr("10.0.0.0/8").containsIP(process_kprobe.args[0].sock_arg.daddr)' \
    -o json --fields process.binary,process.pod.name,args`

// Filters explains the flags of the filters, once for all commands.
func Filters(env trace.Environment) *cobra.Command {
	return &cobra.Command{
		Use:     trace.FiltersTopic,
		Short:   "Print the flags that filter events, which every command that traces has",
		Example: exampleFilters,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(env.Out, aboutFilters+trace.FilterUsages()+moreAboutFilters)
			return err
		},
	}
}
