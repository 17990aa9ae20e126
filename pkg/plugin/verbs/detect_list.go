// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/library"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/detect"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// printList writes the rules: those of the library, then those of other languages.
func (d *detectOptions) printList(ctx context.Context, out io.Writer) error {
	rules, err := d.load(ctx)
	if err != nil {
		return err
	}
	var own, others []detect.Rule
	for _, r := range rules.Sorted() {
		if r.Library != nil {
			own = append(own, r)
		} else {
			others = append(others, r)
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(own) > 0 {
		slices.SortStableFunc(own, func(a, b detect.Rule) int { return cmp.Compare(a.ID, b.ID) })
		fmt.Fprintln(table, "ID\tSEVERITY\tTECHNIQUES\tNEEDS\tTIER\tRULE")
		for _, r := range own {
			l := r.Library
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Severity, strings.Join(l.Techniques, ","), strings.Join(l.Kinds(), ","), l.Tier, terminal.Sanitize(r.Name))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if len(others) > 0 {
		fmt.Fprintln(table, "SEVERITY\tSTATE\tLANGUAGE\tRULE\tREASONS")
		for _, r := range others {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Severity, r.State, r.Language, terminal.Sanitize(r.Name), terminal.Sanitize(strings.Join(r.Reasons, "; ")))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, problem := range append(slices.Clone(rules.Problems), rules.Notes...) {
		if _, err := fmt.Fprintln(out, terminal.Sanitize(problem)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, rules)
	return err
}

// printExplained writes what there is to know of one rule of the library, or of a file in its format.
func (d *detectOptions) printExplained(ctx context.Context, out io.Writer) error {
	rules, err := d.load(ctx)
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range rules.All {
		if r.Library != nil {
			ids = append(ids, r.ID)
		}
	}
	i := slices.IndexFunc(rules.All, func(r detect.Rule) bool { return r.Library != nil && strings.EqualFold(r.ID, d.explain) })
	if i < 0 {
		return fmt.Errorf("--explain: no rule of the library has the ID %q%s; --list has all", d.explain, nearest.DidYouMean(d.explain, ids))
	}
	rule := rules.All[i].Library
	only := d.Options
	only.Only, only.Except = []string{rule.ID}, nil
	alone, err := detect.Load(ctx, only)
	if err != nil {
		return err
	}
	text := explained(rule)
	if policies := alone.Policies(); len(policies) > 0 {
		policy, err := compose.YAML(policies...)
		if err != nil {
			return err
		}
		text += "\nHooks and filters:\n" + string(policy)
	} else {
		text += "\nHooks and filters: none besides the programs that run\n"
	}
	for line := range strings.Lines(text) {
		if _, err := fmt.Fprintln(out, terminal.Sanitize(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

// explained is what a rule says of itself.
func explained(r *library.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s; %s", r.ID, r.Title, r.Severity, strings.Join(r.Techniques, ", "))
	if len(r.Tags) > 0 {
		fmt.Fprintf(&b, "; %s", strings.Join(r.Tags, ", "))
	}
	fmt.Fprintf(&b, "\n\n%s\n\nLooks for:\n", r.Description)
	for i := range r.Observe {
		fmt.Fprintf(&b, "  %s\n", r.Observe[i].String())
	}
	if condition := r.Condition(); condition != "" {
		fmt.Fprintf(&b, "Where:\n  %s\n", strings.ReplaceAll(condition, "\n", "\n  "))
	}
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"Remembers", r.Remembers()}, {"Exceptions", exceptions(r)}, {"Not seen", r.Limits}, {"False positives", r.FalsePositives}, {"Next steps", r.NextSteps},
	} {
		if len(part.lines) > 0 {
			fmt.Fprintf(&b, "%s:\n  %s\n", part.title, strings.Join(part.lines, "\n  "))
		}
	}
	return b.String()
}

func exceptions(r *library.Rule) (lines []string) {
	for i := range r.Exceptions {
		lines = append(lines, r.Exceptions[i].String())
	}
	return lines
}
