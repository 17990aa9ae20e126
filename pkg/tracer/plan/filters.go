// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Flags of filters.
const (
	negated    = uint8(bpf.HookFilterFlagsFILTER_NEGATED)
	ignoreCase = uint8(bpf.HookFilterFlagsFILTER_IGNORE_CASE)
	cheap      = uint8(bpf.HookFilterFlagsFILTER_CHEAP)
	atReturn   = uint8(bpf.HookFilterFlagsFILTER_AT_RETURN)
)

// selectors compiles the hook's selectors with their filters and actions.
func (c *compiler) selectors() error {
	var errs []error
	for i := range c.hook.Selectors {
		s := &c.hook.Selectors[i]
		filters, err := c.filters(s)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		compiled, err := c.actions(s)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		compiled.First, compiled.Count = uint16(len(c.def.Filters)), uint16(len(filters))
		c.def.Filters = append(c.def.Filters, filters...)
		c.def.Selectors = append(c.def.Selectors, compiled)
	}
	return errors.Join(errs...)
}

// filters compiles the filters of a selector, those that cost little first: all of them have to hold.
func (c *compiler) filters(s *policy.Selector) ([]bpf.HookHookFilter, error) {
	all, err := c.processFilters(s)
	errs := []error{err}
	for _, f := range s.Args {
		of, err := c.argumentFilter(f, Argument)
		all, errs = append(all, of), append(errs, at0(f.Position, err))
	}
	for _, f := range s.Data {
		of, err := c.argumentFilter(f, Data)
		all, errs = append(all, of), append(errs, at0(f.Position, err))
	}
	for _, f := range s.ReturnArgs {
		of, err := c.argumentFilter(f, Result)
		all, errs = append(all, of), append(errs, at0(f.Position, err))
	}
	slices.SortStableFunc(all, func(a, b bpf.HookHookFilter) int { return int(b.Flags&cheap) - int(a.Flags&cheap) })
	return all, errors.Join(errs...)
}

func at0(p policy.Position, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", p, err)
}

// numberFilter compares a number with ranges.
func (c *compiler) numberFilter(subject bpf.HookFilterSubject, place int, not, signed bool, ranges []policy.Range) bpf.HookHookFilter {
	f := bpf.HookHookFilter{Subject: uint8(subject), Match: uint8(bpf.HookFilterMatchMATCH_RANGE), Place: uint8(place)}
	if signed {
		f.Operand = 1 << 63
	}
	ordered := disjoint(ranges, f.Operand)
	for _, r := range ordered {
		c.def.Operands = append(c.def.Operands, r.Min, r.Max)
	}
	f.First, f.Count = uint32(len(c.def.Operands)-2*len(ordered)), uint32(len(ordered))
	if not {
		f.Flags |= negated
	}
	return f
}

// disjoint sorts ranges in the order that XOR with flip gives and joins those that touch; the ends come out XORed.
func disjoint(ranges []policy.Range, flip uint64) []policy.Range {
	var sorted []policy.Range
	for _, r := range ranges {
		sorted = append(sorted, policy.Range{Min: r.Min ^ flip, Max: r.Max ^ flip})
	}
	slices.SortFunc(sorted, func(a, b policy.Range) int {
		switch {
		case a.Min < b.Min:
			return -1
		case a.Min > b.Min:
			return 1
		}
		return 0
	})
	var joined []policy.Range
	for _, r := range sorted {
		if last := len(joined) - 1; last >= 0 && r.Min <= joined[last].Max {
			joined[last].Max = max(joined[last].Max, r.Max)
		} else {
			joined = append(joined, r)
		}
	}
	return joined
}

func maskFilter(subject bpf.HookFilterSubject, place int, not bool, mask uint64) bpf.HookHookFilter {
	f := bpf.HookHookFilter{Subject: uint8(subject), Match: uint8(bpf.HookFilterMatchMATCH_MASK), Place: uint8(place), Operand: mask}
	if not {
		f.Flags |= negated
	}
	return f
}

// operands appends words and returns the index of the first.
func (c *compiler) operands(words ...uint64) uint32 {
	c.def.Operands = append(c.def.Operands, words...)
	return uint32(len(c.def.Operands) - len(words))
}
