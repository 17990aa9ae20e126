// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/detect"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Replay shows recordings as if they happened now.
func Replay(env trace.Environment) *cobra.Command {
	var d detectOptions
	var rules *detect.Rules
	var stage *detect.Stage
	cmd := trace.ReplayCommand(env, trace.ReplayVerb{
		Use:   "replay FILE...",
		Short: "Show a recording, or a log of Tetragon, as if it happened now",
		Long: `Show recordings (--record), or logs that Tetragon exported, as if it happened now, in any output and with any filter.
With --rules or --sigma, what the rules say of it is shown, whether they were there when it was recorded or not.
What rules ask of system calls that were not watched then, nobody can say now.`,
		Example: `  # What happened in five minutes of it, as process trees
  kubectl trace-sec replay web.tsec.zst --since 10:15 --until 10:20
  # What Falco's rules say of a recording that was made without them
  kubectl trace-sec replay web.tsec.zst --rules falco_rules.yaml
  # Trees of what an installed Tetragon exported
  kubectl trace-sec replay /var/log/tetragon/tetragon-*.log.gz /var/log/tetragon/tetragon.log --in-namespace shop`,
		Rules: ruleFlags(d.flags()), HasRules: func() bool { return len(d.Files)+len(d.Sigma) > 0 },
		Stage: func(onMachine bool, say func(event.Level, string)) (pipeline.Stage, error) {
			d.Local = onMachine
			var err error
			if rules, err = d.load(context.Background()); err != nil {
				return nil, err
			}
			for _, problem := range rules.Problems {
				say(event.LevelWarning, problem)
			}
			say(event.LevelInfo, rules.String())
			stage = rules.Stage(nil, false)
			return stage, nil
		},
		Closing: func() []string {
			if stage == nil {
				return nil
			}
			return fired(stage, &standing{rules: rules})
		},
	})
	return cmd
}

// Verify says whether recordings are as they were written.
func Verify(env trace.Environment) *cobra.Command {
	var into string
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Say whether recordings are as they were written, and what is missing of them",
		Long: `Say whether recordings are as they were written: each frame is compared with its checksum, the chain of SHA-256, the index
and the counts of the end, and with FILE.sha256 beside it. The chain's last value is worth as much as the place where it was kept.
--repair writes what is left of a recording that has no end, or damaged frames, into a new file.`,
		Example: `  # One recording
  kubectl trace-sec verify web.tsec.zst
  # All files of a recording, in their order
  kubectl trace-sec verify web*.tsec.zst
  # What is left of one whose recorder was killed
  kubectl trace-sec verify web.tsec.zst --repair web-repaired.tsec.zst`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if into != "" {
				if len(args) != 1 {
					return fmt.Errorf("--repair: one recording becomes one file, these are %d", len(args))
				}
				return repair(env, args[0], into)
			}
			return verify(env, args)
		},
	}
	cmd.Flags().StringVar(&into, "repair", "", "Write the whole frames into this new `FILE`")
	return cmd
}
