// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/internal/sharedrules"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/prefilter"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

// opening is an open as a kernel sees it: what was written, in which directory, which file it was, and with which flags.
type opening struct {
	raw, directory, found string
	unreadable            bool
	flags                 int64
}

// facts are what the filters of package prefilter are asked with.
func (o *opening) facts() *prefilter.Facts {
	absolute := o.raw
	if !strings.HasPrefix(absolute, "/") {
		absolute = o.directory + "/" + o.raw
	}
	forms := []string{path.Clean(absolute), o.found}
	if o.unreadable {
		forms = forms[1:]
	}
	return &prefilter.Facts{
		Paths: map[string][]string{prefilter.FilePath: forms, "name": forms}, Raw: map[string]string{prefilter.RawPath: o.raw},
		Integers: map[string]int64{"flags": o.flags, "mode": 0}, Return: 3, Capabilities: map[string]uint64{prefilter.Effective: 1<<41 - 1, prefilter.Permitted: 1<<41 - 1},
	}
}

// passes says whether a selector lets an open pass, as a kernel decides.
func (o *opening) passes(h *Hook, s *Selector) bool {
	compare := map[string]func(text, part string) bool{
		"Equal": func(a, b string) bool { return a == b }, "Prefix": strings.HasPrefix, "Postfix": strings.HasSuffix, "SubString": strings.Contains,
	}
	fits := func(text string, f Filter) bool {
		return slices.ContainsFunc(f.Values, func(part string) bool { return compare[f.Operator](text, part) })
	}
	for _, f := range s.Filters {
		switch {
		case f.Operator == "Mask":
			number := map[string]int64{"flags": o.flags}[h.Arguments[f.Place].Label] // of others 0
			if !slices.ContainsFunc(f.Values, func(text string) bool { bits, _ := strconv.ParseInt(text, 10, 64); return number&bits != 0 }) {
				return false
			}
		case f.Operator == "NotPrefix":
			if !o.unreadable && strings.HasPrefix(o.raw, "/") {
				return false
			}
		case o.unreadable || !fits(o.raw, f):
			return false
		}
	}
	return !slices.ContainsFunc(s.Returned, func(f Filter) bool { return !fits(o.found, f) })
}

// What a rule's filter admits, one of the selectors lets pass, however the path is written.
func TestSelectorsAreSound(t *testing.T) {
	shared := sharedrules.Paths(t)
	for _, files := range [][]string{{filepath.Join("testdata", "own.yaml")}, shared[:1]} {
		e := falco.Load(rulefile.Read(files...), falco.Options{Container: logic.InContainer})
		hooks := Plan(e, Options{Architectures: []string{"amd64"}})
		for _, p := range prefilter.Derive(e, prefilter.Options{Arch: "amd64"}) {
			at := slices.IndexFunc(hooks, func(h Hook) bool { return h.Event == p.Event.Name && h.Returns == asFile })
			if at >= 0 && len(hooks[at].Selectors) > 0 {
				soundOpens(t, &hooks[at], &p)
			}
		}
	}
}

func soundOpens(t *testing.T, h *Hook, p *prefilter.Program) {
	t.Helper()
	texts := append(parts(p.Conjuncts, prefilter.FilePath, "name"), "/tmp/x", "/y/", "z")
	random := rand.New(rand.NewPCG(1, 2))
	one := func() string {
		return path.Clean("/" + texts[random.IntN(len(texts))] + []string{"", "x", "/x"}[random.IntN(3)])
	}
	admitted, left := 0, 0
	for range 20_000 {
		clean := one()
		o := opening{
			raw:       []string{clean, clean[1:], "/" + clean, "/a/.." + clean, "../.." + clean, clean + "/.", path.Base(clean)}[random.IntN(7)],
			directory: path.Dir(clean), found: []string{clean, one()}[random.IntN(2)], unreadable: random.IntN(8) == 0,
			flags: []int64{0, 1, 2, 577, 66}[random.IntN(5)],
		}
		passes := slices.ContainsFunc(h.Selectors, func(s Selector) bool { return o.passes(h, &s) })
		if !passes {
			left++
		}
		if p.Admits(o.facts()) {
			if admitted++; !passes {
				t.Fatalf("%s: no selector lets %+v pass", h.Event, o)
			}
		}
	}
	if admitted == 0 || left == 0 {
		t.Errorf("%s: %d admitted, %d not let pass: that proves nothing", h.Event, admitted, left)
	}
}
