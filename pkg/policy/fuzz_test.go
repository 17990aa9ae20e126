// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse: whatever the text, there is an answer: a policy that is complete, or problems that say where.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.yaml", "*.json"} {
		names, _ := filepath.Glob(filepath.Join("testdata", pattern))
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Add("a: &a [*a]")
	f.Add(policyText("  kprobes: &k\n  - <<: *k"))
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("fuzz.yaml", strings.NewReader(text))
		var problems Problems
		switch {
		case err == nil && len(file.Policies) == 0:
			t.Error("neither a policy nor a problem")
		case err != nil && !errors.As(err, &problems):
			t.Errorf("%T %v", err, err)
		}
		for _, p := range problems {
			if p.File != "fuzz.yaml" || p.Message == "" || p.Line == 0 && !strings.HasPrefix(p.Message, "there is no policy") {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
		if err == nil {
			checkComplete(t, file)
		}
	})
}

// checkComplete is what a compiler relies on.
func checkComplete(t *testing.T, file *File) {
	for _, p := range file.Policies {
		if p.Name == "" || len(p.Hooks) == 0 {
			t.Errorf("policy %+v", p)
		}
		for i := range p.Hooks {
			h := &p.Hooks[i]
			for _, a := range append(h.Args, h.Data...) {
				if a.Type == nil {
					t.Errorf("%s: an argument without a type", h.Position)
				}
			}
			for _, s := range h.Selectors {
				for _, filter := range s.Args {
					if filter.Match != MatchExpression && len(filter.Args) == 0 || filter.Match == MatchExpression && filter.Expression == nil {
						t.Errorf("%s: a filter of nothing", filter.Position)
					}
					for _, place := range filter.Args {
						if place >= len(h.Args) {
							t.Errorf("%s: argument %d of %d", filter.Position, place, len(h.Args))
						}
					}
				}
			}
		}
	}
}
