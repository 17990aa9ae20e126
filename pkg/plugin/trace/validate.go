// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
)

// The words that flags take.
var (
	always       = []string{"auto", "always", "never"}
	dryRuns      = []string{dryRunNone, dryRunClient, dryRunServer}
	pullPolicies = []string{string(corev1.PullAlways), string(corev1.PullIfNotPresent), string(corev1.PullNever)}
)

// rule is one combination that makes no sense.
type rule struct {
	broken bool
	text   string
}

// conflicts are options that exclude each other; targets are the arguments that name some.
func (o *Options) conflicts(targets []string) (errs []error) {
	t, l := o.targets, o.local
	named := len(targets)+len(t.pods) > 0
	selected := t.selector != "" || t.fieldSelector != ""
	dryRun := o.tracer.dryRun != dryRunNone
	narrowed := len(l.cgroups) > 0 || l.enabled && len(o.filters.pids) > 0
	for _, r := range []rule{
		{t.allNamespaces && o.given["namespace"], "--all-namespaces and --namespace exclude each other"},
		{t.allNamespaces && named && !l.enabled, "a name is looked up in one namespace: use -n NAMESPACE, or -A with -l SELECTOR"},
		{named && selected && !l.enabled, "names and selectors exclude each other: name the pods, or select them with -l"},
		{!l.enabled && len(l.command) > 0, "a command after -- is run by --local only, on this machine; what runs in a pod is shown as it happens (kubectl exec starts it)"},
		{!l.enabled && narrowed, "--cgroup is of this machine: add --local"},
		{l.enabled && len(l.command) > 0 && narrowed, "a command after -- is traced alone: leave out --cgroup and --pid"},
		{l.enabled && len(targets) > 0, fmt.Sprintf("--local traces this machine, %q would be a pod; a command stands after --: --local -- %s", strings.Join(targets, " "), strings.Join(targets, " "))},
		{dryRun && !slices.Contains([]string{"", "yaml", "json"}, o.output.format), "--dry-run prints pods: -o yaml or -o json"},
	} {
		if r.broken {
			errs = append(errs, errors.New(r.text))
		}
	}
	if l.enabled {
		if flags := o.clusterFlags(); len(flags) > 0 {
			errs = append(errs, fmt.Errorf("--local traces this machine without a cluster: leave out %s", strings.Join(flags, ", ")))
		}
	}
	return errs
}

// clusterFlags are those given that concern a cluster: all but what a session, its output and this machine have.
func (o *Options) clusterFlags() (found []string) {
	ofCluster := map[string]bool{}
	note := func(name string) { ofCluster[name] = true }
	for _, g := range o.groups {
		if g.Title == targetGroup || g.Title == tracerGroup {
			help.VisitNames(g.Flags, note)
		}
	}
	fs := help.NewFlags()
	o.Cluster.Config.AddFlags(fs)
	help.VisitNames(fs, note)
	for name := range o.given {
		if ofCluster[name] {
			found = append(found, "--"+name)
		}
	}
	slices.Sort(found)
	return found
}

// values are options that are wrong by themselves.
func (o *Options) values() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.given["duration"] && o.session.duration < shortestSession {
		bad("--duration %s: at least %s", o.session.duration, shortestSession)
	}
	if o.tracer.maxNodes < 1 {
		bad("--max-nodes %d: at least 1", o.tracer.maxNodes)
	}
	if o.tracer.carriedNodes < 1 {
		bad("--carried-nodes %d: at least 1; --tracer=image carries none", o.tracer.carriedNodes)
	}
	if o.given["max-events"] && o.session.maxEvents == 0 {
		bad("--max-events 0: at least 1")
	}
	for _, w := range []struct {
		flag, value string
		words       []string
	}{
		{"final-tree", o.output.finalTree, always},
		{"color", o.output.color, always},
		{"emoji", o.output.emoji, always},
		{"dry-run", o.tracer.dryRun, dryRuns},
		{"image-pull-policy", o.tracer.pullPolicy, pullPolicies},
		{"tracer", o.tracer.way, launch.Ways},
	} {
		if !slices.Contains(w.words, w.value) {
			bad("--%s %q: want one of %s", w.flag, w.value, strings.Join(w.words, ", "))
		}
	}
	for _, n := range []struct {
		flag   string
		values []string
		check  func(string) []string
	}{
		{"pod", o.targets.pods, validation.IsDNS1123Subdomain},
		{"node", o.targets.nodes, validation.IsDNS1123Subdomain},
		{"container", o.targets.containers, validation.IsDNS1123Label},
		{"namespace", o.namespaces(), validation.IsDNS1123Label},
		{"tracer-namespace", []string{o.tracer.namespace}, validation.IsDNS1123Label},
		{"image-pull-secret", o.tracer.pullSecrets, validation.IsDNS1123Subdomain},
	} {
		for _, value := range n.values {
			if problems := n.check(value); len(problems) > 0 {
				bad("--%s %q is not a name: %s", n.flag, value, notName(n.flag, value, problems[0]))
			}
		}
	}
	return errs
}

// namespaces are those of -n.
func (o *Options) namespaces() []string {
	if !o.given["namespace"] {
		return nil
	}
	return []string{*o.Cluster.Config.Namespace}
}

// notName says why a value is no name in few words; lists are for flags that can be repeated.
func notName(flag, value, problem string) string {
	words := strings.Split(value, ",")
	switch {
	case len(words) < 2 || slices.Contains(words, ""):
		problem, _, _ = strings.Cut(problem, " (e.g.") // a regular expression follows
		return problem
	case flag == "namespace":
		return "one namespace is traced, or all: -A, which -l SELECTOR narrows"
	case flag == "tracer-namespace":
		return "all tracers are in one namespace"
	}
	return "the flag is repeated instead: --" + flag + " " + strings.Join(words, " --"+flag+" ")
}

// checkFormat says what is wrong with -o. Where something else than events is shown, the command knows its formats.
func (o *Options) checkFormat(w Work) error {
	if w.Result != nil || o.printsPolicy || o.tracer.dryRun != dryRunNone {
		return nil
	}
	if render.OfDetections(o.output.format) && !w.Detects {
		return fmt.Errorf("-o %s is for what rules say: kubectl trace-sec detect", o.output.format)
	}
	return render.CheckFormat(o.output.format)
}

// checkImages says what is wrong with the images that are named, and with the ways that nodes get the tracer.
func (o *Options) checkImages() error {
	t := o.tracer
	if o.local.enabled || o.printsPolicy {
		return nil
	}
	var errs []error
	for _, image := range []struct{ flag, name string }{{"image", t.image}, {"base-image", t.baseImage}} {
		if o.given[image.flag] && image.name == "" || strings.ContainsFunc(image.name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			errs = append(errs, fmt.Errorf("--%s %q is not the reference of an image", image.flag, image.name))
		}
	}
	if o.given["image"] && t.way == string(launch.Carried) {
		errs = append(errs, errors.New("--image and --tracer=carried exclude each other: what a carried tracer's pod is made from is --base-image"))
	}
	if t.baseImage != "" && (t.way == string(launch.Image) || o.given["image"]) {
		errs = append(errs, errors.New("--base-image is for carried tracers: leave out --image and --tracer=image"))
	}
	return errors.Join(errs...)
}

// checkSwallowed finds a flag whose value is missing, so that it took the flag behind it for the value: "--selector -A". Values of
// filters may begin like this.
func (o *Options) checkSwallowed(cmd *cobra.Command, f *pflag.Flag) error {
	if o.filters.flags.Lookup(f.Name) != nil {
		return nil
	}
	values := []string{f.Value.String()}
	if list, is := f.Value.(pflag.SliceValue); is {
		values = list.GetSlice()
	}
	for _, value := range values {
		name, _, _ := strings.Cut(strings.TrimLeft(value, "-"), "=")
		long := strings.HasPrefix(value, "--") && cmd.Flags().Lookup(name) != nil
		short := len(value) == 2 && value[0] == '-' && value[1] != '-' && cmd.Flags().ShorthandLookup(value[1:]) != nil
		if long || short {
			return fmt.Errorf("--%s took %s for its value, which is missing: --%s=VALUE %s", f.Name, value, f.Name, value)
		}
	}
	return nil
}
