// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/build"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/local"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/policyset"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// explainFormats of policy explain; empty is text.
var explainFormats = []string{"", "json", "yaml"}

// explainOptions are those of policy explain.
type explainOptions struct {
	genericiooptions.IOStreams
	build   build.Info
	files   policyset.Files
	enforce bool
	format  string
}

func policyExplain(env trace.Environment) *cobra.Command {
	o := &explainOptions{IOStreams: env.IOStreams, build: env.Build}
	cmd := &cobra.Command{
		Use:   "explain -f FILE [-f FILE]... [--enforce] [-o json|yaml]",
		Short: "Say how policies would be served by this machine's kernel, and why so",
		Long: `Say how policies would be served by this machine's kernel, and why so: for each hook what is compared and done in the
kernel, what serves it, what is less than was asked for, and the ways in the order in which they are tried, each with
the reason if it is refused. Programs are loaded, to hear the kernel's word; nothing is traced. Needs Linux and root.`,
		Example: `  # A policy, as run would serve it
  sudo kubectl-trace_sec policy explain -f policy.yaml
  # As enforcing it would: which hooks prevent, and which only kill?
  sudo kubectl-trace_sec policy explain -f policy.yaml --enforce
  # Hooks that this kernel can't serve
  sudo kubectl-trace_sec policy explain -f policy.yaml -o json | jq -r '.[].hooks[] | select(.taken == null) | .name'`,
		Args:                  noArguments,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().AddFlagSet(o.files.Flags())
	cmd.Flags().BoolVar(&o.enforce, "enforce", false, "Explain what enforcing the policies would do")
	cmd.Flags().StringVarP(&o.format, "output", "o", "", "json or yaml (default text)")
	policyset.CompleteFilename(cmd)
	_ = cmd.RegisterFlagCompletionFunc("output", cluster.Words(explainFormats[1:]...))
	return cmd
}

func (o *explainOptions) run(ctx context.Context) error {
	if !slices.Contains(explainFormats, o.format) {
		return fmt.Errorf("-o %q: want json or yaml, or nothing for text", o.format)
	}
	set, err := o.files.Load(o.In, o.ErrOut, nil)
	if err != nil {
		return err
	}
	served, err := local.New(o.build.Release()).Explain(ctx, set.Sources, o.enforce)
	if err != nil {
		return err
	}
	policies := explain.Policies(set.Policies, served, o.enforce)
	var document []byte
	switch o.format {
	case "json":
		document, err = json.MarshalIndent(policies, "", "  ")
		document = append(document, '\n')
	case "yaml":
		document, err = yaml.Marshal(policies)
	default:
		return explain.Text(o.Out, policies)
	}
	if err != nil {
		return err
	}
	_, err = o.Out.Write(document)
	return err
}
