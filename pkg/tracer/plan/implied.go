// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

// implied collects which selectors of a hook can never match where tracepoints stand in: they compare what a tracepoint does not
// see but imply, as that a write asks for permission to write.
type implied struct {
	// reasons by selector: why it does not match at each site, those that differ.
	reasons map[int][]string
	// dead counts the sites by selector at which it does not match; sites are all.
	dead  map[int]int
	sites int
}

// add looks at what was compiled for one site. none: no selector ever matches there.
func (m *implied) add(d *hook.Definition, places []Place) (none bool) {
	m.sites++
	dead := 0
	for i := range d.Selectors {
		if reason := never(d, places, i); reason != "" {
			dead++
			m.dead[i]++
			if !slices.Contains(m.reasons[i], reason) {
				m.reasons[i] = append(m.reasons[i], reason)
			}
		}
	}
	return dead > 0 && dead == len(d.Selectors)
}

// sentences are one for each selector that matches at none of the sites; all says that no other is left.
func (m *implied) sentences(selectors int) (all []string, none bool) {
	for i := range selectors {
		if m.sites > 0 && m.dead[i] == m.sites {
			all = append(all, fmt.Sprintf("selector %d can never match here: %s", i+1, strings.Join(m.reasons[i], ", or ")))
		}
	}
	return all, len(all) > 0 && len(all) == selectors
}

// never says why a selector cannot match; empty if it can.
func never(d *hook.Definition, places []Place, selector int) string {
	s := &d.Selectors[selector]
	for _, f := range d.Filters[s.First : s.First+s.Count] {
		if f.Subject != uint8(bpf.HookFilterSubjectSUBJECT_NUMBER) || int(f.Place) >= len(d.Arguments) {
			continue
		}
		a := &d.Arguments[f.Place]
		if a.Source != uint8(bpf.HookValueSourceFROM_CONSTANT) || a.Steps > 0 || !isNumber(a.Kind) {
			continue
		}
		number := cut(a)
		if holds(&f, d.Operands, number) {
			continue
		}
		what := "the return value"
		if places[f.Place].Role == Argument {
			what = "argument " + strconv.Itoa(places[f.Place].Index)
		}
		return fmt.Sprintf("%s is shown as %d", what, int64(number))
	}
	return ""
}

// cut is the number that the kernel side makes of a constant.
func cut(a *bpf.HookHookArgument) uint64 {
	number := a.Constant << (a.ShiftLeft & 63)
	if a.Flags&uint8(bpf.HookArgumentFlagsARGUMENT_SIGNED) != 0 {
		return uint64(int64(number) >> (a.ShiftRight & 63))
	}
	return number >> (a.ShiftRight & 63)
}

// holds says what a filter on numbers says of one.
func holds(f *bpf.HookHookFilter, operands []uint64, number uint64) bool {
	is := f.Match == uint8(bpf.HookFilterMatchMATCH_MASK) && number&f.Operand != 0
	if f.Match == uint8(bpf.HookFilterMatchMATCH_RANGE) {
		for ends := range slices.Chunk(operands[f.First:f.First+2*f.Count], 2) {
			is = is || ends[0] <= number^f.Operand && number^f.Operand <= ends[1]
		}
	}
	return is != (f.Flags&negated != 0)
}
