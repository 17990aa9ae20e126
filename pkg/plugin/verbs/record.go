// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Record keeps what is asked for after most incidents.
func Record(env trace.Environment) *cobra.Command {
	var d detectOptions
	return trace.Command(env, trace.Verb{
		Use:   "record [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Record what pods do: programs, changed files, connections, credentials, detections",
		Long: `Record what is asked for after most incidents, to be looked at later (replay): programs that run and that could not be started,
files that are changed, connections and name servers, credentials; with --rules (builtin: detect's) or --sigma detections.
Nothing is shown unless -o says how. Every command that traces can record beside what it shows: these are its flags, too.
The file is zstd frames of JSON lines (zstdcat FILE | jq), whole up to the last second if the recorder is killed; a name that ends in
.ndjson is not compressed. The last value of its chain of SHA-256 is said at the end: keep it elsewhere (verify).`,
		Example: `  # All of a deployment, into a file that the time names
  kubectl trace-sec record deploy/web
  # What is around detections, for the night, in files of 500 MiB of which ten are kept
  kubectl trace-sec record -A -l app=web --rules falco_rules.yaml --record night.tsec.zst --record-on finding --record-max-size 500Mi --record-keep 10
  # What a script does on this machine
  sudo kubectl-trace_sec record --record script.tsec.zst --local -- ./suspect.sh`,
		Title: "Rules", Flags: ruleFlags(d.flags()), Groups: trace.ForRecording, PrintsPolicy: true, Records: true,
		Work: d.record,
	})
}

// record is the work of several commands together.
func (d *detectOptions) record(r trace.Request) (trace.Work, error) {
	file := fileOptions{prefixes: []string{"/"}, writes: true}
	var network netOptions
	var creds credsOptions
	made := trace.Work{Targets: r.Args, Composed: []compose.Policy{compose.FailedExecs()}, OwnWords: true, FilterAfterEnrich: true, HooksAreImplied: true}
	var errs []error
	var enrich []trace.Enrich
	for _, work := range []func(trace.Request) (trace.Work, error){file.work, network.work, creds.work} {
		w, err := work(r)
		made.Composed = append(made.Composed, w.Composed...)
		made.Process.Credentials = made.Process.Credentials || w.Process.Credentials
		if w.Enrich != nil {
			enrich = append(enrich, w.Enrich)
		}
		errs = append(errs, err)
	}
	if len(d.Files)+len(d.Sigma) > 0 {
		w, err := d.work(r)
		made.Composed = append(made.Composed, w.Composed...)
		made.Process.Capabilities, made.Closing, made.OnHooks = w.Process.Capabilities, w.Closing, w.OnHooks
		enrich = append(enrich, besides(w.Enrich))
		errs = append(errs, err)
	}
	made.Enrich = together(enrich)
	if r.Format == "" {
		made.Result = func(io.Writer) (trace.Result, error) { return trace.Result{Sink: pipeline.Discard{}}, nil }
	}
	return made, errors.Join(errs...)
}

// together makes one stage of several.
func together(all []trace.Enrich) trace.Enrich {
	return func(ctx context.Context, client kubernetes.Interface, say func(event.Level, string)) pipeline.Stage {
		var chain pipeline.Chain
		for _, enrich := range all {
			chain = append(chain, enrich(ctx, client, say))
		}
		return chain
	}
}

// besides adds what rules say of events, and leaves none out.
func besides(enrich trace.Enrich) trace.Enrich {
	if enrich == nil { // what is wrong with the rules is said
		return nil
	}
	return func(ctx context.Context, client kubernetes.Interface, say func(event.Level, string)) pipeline.Stage {
		return keepsAll{enrich(ctx, client, say)}
	}
}

// keepsAll is a stage of which only what it adds counts.
type keepsAll struct{ pipeline.Stage }

func (k keepsAll) Pass(it *pipeline.Item) bool {
	k.Stage.Pass(it)
	return true
}

// ruleFlags are the flags of detect that say which rules there are.
func ruleFlags(all *pflag.FlagSet) *pflag.FlagSet {
	fs := help.NewFlags()
	all.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains([]string{"list", "explain", "webhook"}, f.Name) {
			fs.AddFlag(f)
		}
	})
	return fs
}
