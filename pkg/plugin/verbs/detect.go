// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/detect"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// detectOptions say which rules are evaluated.
type detectOptions struct {
	detect.Options
	list    bool
	explain string
	webhook string
}

// Detect shows what rules say of what pods do.
func Detect(env trace.Environment) *cobra.Command {
	var d detectOptions
	cmd := trace.Command(env, trace.Verb{
		Use:   "detect [--rules FILE | --sigma FILE] [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show what built-in rules, or those of Falco and of Sigma, say of what pods do",
		Long: `Show what rules say of what pods do: the built-in library, or those of Falco and of Sigma, unmodified; each detection beside its process.
Each rule is armed, degraded or unsupported; --list says why. -o falco and -o falco-json are what Falco itself writes.`,
		Example: `  # The built-in library, on the pods of a deployment
  kubectl trace-sec detect deploy/web
  # Falco's rules, a file of one's own that overrides some of them, and Sigma's, for what reads Falco's JSON
  kubectl trace-sec detect --rules falco_rules.yaml --rules local.yaml --sigma sigma/rules/linux -A -o falco-json
  # What is armed, what is not, and why
  kubectl trace-sec detect --list`,
		Title: "Rules", Flags: d.flags(), Groups: trace.BehindOwn, PrintsPolicy: true,
		Work: d.work,
	})
	traces := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		d.Local, _ = cmd.Flags().GetBool("local") // every command that traces has it
		switch {
		case cmd.Flags().Changed("explain"):
			return d.printExplained(cmd.Context(), env.Out)
		case d.list:
			return d.printList(cmd.Context(), env.Out)
		}
		return traces(cmd, args)
	}
	return cmd
}

func (d *detectOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringArrayVar(&d.Files, "rules", nil, "Rules of Falco, or of the library's format, in `FILE` (builtin: the library); repeatable")
	fs.BoolVar(&d.Exact, "falco-exact", false, "Compare paths only as processes write them, as Falco does")
	fs.StringArrayVar(&d.Sigma, "sigma", nil, "Rules of Sigma in `FILE`, or in all files of a directory; repeatable")
	fs.StringVar(&d.Level, "sigma-level", "", "Least level of Sigma's rules (default low)")
	fs.StringVar(&d.Status, "sigma-status", "", "Least status of Sigma's rules (default test)")
	fs.BoolVar(&d.Audited, "sigma-auditd", false, "Sigma's rules for records of the audit daemon too")
	fs.StringArrayVar(&d.Only, "only", nil, "Only rules of this `WORD`: name, id, tag, technique, severity (high+: or worse)")
	fs.StringArrayVar(&d.Except, "except", nil, "Without rules of this `WORD`; repeatable")
	fs.BoolVar(&d.Strict, "strict-rules", false, "Load nothing if anything is wrong in a rule file")
	fs.StringVar(&d.webhook, "webhook", "", "Post each detection to this `URL` too, as Falco does, for falcosidekick")
	fs.BoolVar(&d.list, "list", false, "List the rules, what can be expected of each and why, and do nothing")
	fs.StringVar(&d.explain, "explain", "", "Say what the rule of this `ID` looks for, why, and what to do then, and do nothing")
	return fs
}

func (d *detectOptions) load(ctx context.Context) (*detect.Rules, error) {
	d.Library = len(d.Files)+len(d.Sigma) == 0
	return detect.Load(ctx, d.Options)
}

func (d *detectOptions) work(r trace.Request) (trace.Work, error) {
	d.Local = r.Local
	rules, err := d.load(context.Background())
	if err != nil {
		return trace.Work{}, err
	}
	counts := rules.Count()
	if counts[detect.Armed]+counts[detect.Degraded] == 0 {
		return trace.Work{}, fmt.Errorf("no rule can fire: %s; --list says why%s", rules, mistakes(rules))
	}
	var webhook *detect.Webhook
	if r.Given("webhook") {
		if webhook, err = detect.NewWebhook(d.webhook); err != nil {
			return trace.Work{}, err
		}
	}
	nodes := &standing{rules: rules}
	stage := rules.Stage(webhook, !render.IsDocument(r.Format) && !render.OfDetections(r.Format))
	return trace.Work{
		Targets: r.Args, Composed: rules.Policies(), Process: wire.ProcessDetail{Capabilities: rules.Capabilities()},
		OwnWords: true, HooksAreImplied: true, FilterAfterEnrich: true, Detects: true,
		Enrich: func(ctx context.Context, _ kubernetes.Interface, say func(event.Level, string)) pipeline.Stage {
			for _, problem := range rules.Problems {
				say(event.LevelWarning, problem)
			}
			if rules.Others() { // what can be expected of the library, the nodes' hooks say
				say(event.LevelInfo, rules.String())
			}
			if n := len(rules.Notes); n > 0 {
				say(event.LevelInfo, fmt.Sprintf("of %s more is read than rules can hold for; --list says why", wording.Counted(uint64(n), "system call")))
			}
			if webhook != nil {
				go webhook.Run(ctx)
			}
			return stage
		},
		OnHooks: nodes.add,
		Closing: func() []string {
			lines := append(rules.Troubles(), fired(stage, nodes)...)
			if webhook != nil {
				lines = append(lines, webhook.Summary())
			}
			return lines
		},
	}, nil
}

func mistakes(rules *detect.Rules) string {
	if len(rules.Problems) == 0 {
		return ""
	}
	return "\n" + strings.Join(rules.Problems, "\n")
}

// standing is what can be expected of the rules on the nodes that said so.
type standing struct {
	rules *detect.Rules

	mu sync.Mutex
	// lines are for the end of the session: with why rules are degraded.
	lines []string
}

func (s *standing) add(hellos map[string]*event.Hello) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, s.rules.OnNodes(hellos, true)...)
	return s.rules.OnNodes(hellos, false)
}

// fired is what the rules came to: those that fired, how many were silent, and what could be expected of them.
func fired(stage *detect.Stage, nodes *standing) (lines []string) {
	all := stage.Fired()
	for _, f := range all {
		lines = append(lines, fmt.Sprintf("%-13s %s  %s", f.Severity, wording.Counted(f.Times, "time"), f.Title()))
	}
	counts := nodes.rules.Count()
	silent := counts[detect.Armed] + counts[detect.Degraded] - len(all)
	summary := fmt.Sprintf("%s fired, %d silent", wording.Counted(uint64(len(all)), "rule"), silent)
	if nodes.rules.Others() {
		summary += "; " + nodes.rules.String()
	}
	nodes.mu.Lock()
	defer nodes.mu.Unlock()
	return append(append(lines, summary), nodes.lines...)
}
