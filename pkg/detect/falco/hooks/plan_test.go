// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/internal/sharedrules"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/prefilter"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// plan of rule files for pods on nodes of one architecture.
func plan(t *testing.T, files ...string) []Hook {
	t.Helper()
	e := falco.Load(rulefile.Read(files...), falco.Options{Container: logic.InContainer})
	for _, p := range e.Problems.Errors() {
		t.Error(p)
	}
	return Plan(e, Options{Architectures: []string{"amd64"}})
}

// lines write hooks: one for each with what is always told left out, one for each selector.
func lines(hooks []Hook) string {
	var b strings.Builder
	for _, h := range hooks {
		fmt.Fprintf(&b, "%s: %s\n", h.Group, h.Event)
		for _, s := range h.Selectors {
			var parts []string
			for _, f := range s.Filters {
				parts = append(parts, fmt.Sprintf("%s %s %s", h.Arguments[f.Place].Label, f.Operator, strings.Join(f.Values, "|")))
			}
			for _, c := range s.Capabilities {
				parts = append(parts, fmt.Sprintf("%s denied=%t %s", c.Set, c.Denied, strings.Join(c.Values, "|")))
			}
			for _, f := range s.Returned {
				parts = append(parts, fmt.Sprintf("returned %s %s", f.Operator, strings.Join(f.Values, "|")))
			}
			fmt.Fprintf(&b, "  %s\n", strings.Join(parts, " and "))
		}
		for _, note := range h.Notes {
			fmt.Fprintf(&b, "  note: %s\n", note)
		}
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	shared := sharedrules.Paths(t)
	for name, files := range map[string][]string{
		"own": {filepath.Join("testdata", "own.yaml")}, "stable": shared[:1], "both": shared,
	} {
		t.Run(name, func(t *testing.T) {
			golden.Check(t, filepath.Join("testdata", name+".txt"), lines(plan(t, files...)))
		})
	}
}

// Every event type can be hooked: what is left out is not needed by any rule.
func TestEveryEventTypeHasARow(t *testing.T) {
	for _, event := range catalog.EventTypes() {
		told := event.Name == "execve" || event.Name == "execveat"
		if hooked := slices.ContainsFunc(calls, func(c call) bool { return c.event == event.Name }); hooked == told {
			t.Errorf("%s: hooked %t", event.Name, hooked)
		}
	}
}

// Every kind of filter is translated, but for results.
func TestEveryKindOfFilter(t *testing.T) {
	for kind := prefilter.Equal; kind <= prefilter.Capability; kind++ {
		if _, ok := translations[kind]; ok == (kind == prefilter.Return) {
			t.Errorf("%s: translated %t", kind, ok)
		}
	}
}

// More selectors than there is room for become fewer that let more pass.
func TestTooManySelectors(t *testing.T) {
	c := &calls[slices.IndexFunc(calls, func(c call) bool { return c.event == "openat" })]
	var conjuncts []prefilter.Conjunct
	for i := range mostSelectors {
		conjuncts = append(conjuncts, prefilter.Conjunct{
			{Kind: prefilter.Mask, Subject: "flags", Numbers: []int64{1 << i}},
			{Kind: prefilter.Prefix, Subject: prefilter.FilePath, Texts: []string{fmt.Sprintf("/%c/", 'a'+i)}},
		})
	}
	list, narrow := c.selectors(conjuncts)
	if narrow || len(list) != 5 {
		t.Fatalf("narrow %t, %d selectors", narrow, len(list))
	}
	if f := list[0].Filters; len(f) != 1 || f[0].Operator != "SubString" || len(f[0].Values) != mostSelectors {
		t.Errorf("the first selector is %v", f)
	}
	if list, narrow := c.selectors(conjuncts[:8]); !narrow || len(list) != 12 {
		t.Errorf("of 8: narrow %t, %d selectors", narrow, len(list))
	}
}
