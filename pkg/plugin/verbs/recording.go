// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// aboutRecording is what the flags' own lines have no room for.
const aboutRecording = `What is kept of a session besides what is shown. Every command that traces has these flags.
The recording has all events of the session, redacted (--redact) and completed, whatever filters and -o show of them, with what
tracers said of themselves, policies and pods. When the screen is slow it is the screen that loses events, and not the recording.

`

// moreAboutRecording follows the flags.
const moreAboutRecording = `
The file is zstd frames of JSON lines: zstdcat FILE | jq reads it. A recorder that is killed leaves a file that is whole up to
its last second. The last value of its chain of SHA-256 is said at the end: whoever keeps it elsewhere can show later that nothing
was changed (kubectl trace-sec verify). A name that ends in .ndjson is not compressed.

Examples:
` + exampleRecording + "\n"

const exampleRecording = `  # What the pods of a deployment do to files in /etc, on the screen only what is written
  kubectl trace-sec file --prefix /etc deploy/web --record etc.tsec.zst --cel 'process_kprobe.function_name == "security_file_permission"'
  # What came up to a minute before and five minutes after each detection, and nothing else
  kubectl trace-sec detect --rules falco_rules.yaml -A -l app=web --record found.tsec.zst --record-on finding
  # For custody, with the last ten files of 500 MiB
  kubectl trace-sec exec -A -l app=web --record web.tsec.zst --record-max-size 500Mi --record-keep 10 --case 17 --examiner "J. Doe"`

// Recording explains the flags of recordings, once for all commands.
func Recording(env trace.Environment) *cobra.Command {
	return &cobra.Command{
		Use:     trace.RecordTopic,
		Short:   "Print the flags that record a session, which every command that traces has",
		Example: exampleRecording,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(env.Out, aboutRecording+trace.RecordUsages()+moreAboutRecording)
			return err
		},
	}
}
