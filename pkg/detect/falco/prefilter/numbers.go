// SPDX-License-Identifier: Apache-2.0

package prefilter

import (
	"math"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// flagsSeen says whether the kernel sees the flags of an open as an argument.
func (t *translation) flagsSeen() bool {
	return t.event.Name == "open" || t.event.Name == "openat" || t.event.Name == "openat2" && t.options.OpenHow
}

// openWrite translates evt.is_open_write: one of the two bits that say so.
func (t *translation) openWrite(a *logic.Atom) normal {
	var no compare.Value
	no.SetBool(false)
	if !t.flagsSeen() || a.Comparison.Holds(&no) == compare.True {
		return everything
	}
	const writes = 3
	return of(&Filter{Kind: Mask, Subject: "flags", Numbers: []int64{writes}})
}

// flags translates evt.arg.flags of opens.
func (t *translation) flags(a *logic.Atom) normal {
	if !t.flagsSeen() {
		return everything
	}
	return t.words(a, "flags", catalog.OpenFlags())
}

// mode translates evt.arg.mode.
func (t *translation) mode(a *logic.Atom) normal {
	if t.event.Name == "openat2" && !t.options.OpenHow {
		return everything
	}
	return t.words(a, "mode", catalog.Modes())
}

// words translates "contains a word" into the bits of the words that contain the text. A text that lies in more than one word, or in
// one that stands for no bit, says nothing.
func (t *translation) words(a *logic.Atom, subject string, words []catalog.Word) normal {
	if a.Operator != "contains" {
		return everything
	}
	return texts(a, func(_, value string) normal {
		var mask uint64
		for i := range words {
			if !strings.Contains(words[i].Name, value) {
				continue
			}
			bits := words[i].On(t.options.Arch)
			if bits == 0 {
				return everything
			}
			mask |= bits
		}
		if strings.Contains(value, "|") || strings.Contains("0", value) { // 0 is written for no flag at all
			return everything
		}
		if mask == 0 {
			return nothing
		}
		return of(&Filter{Kind: Mask, Subject: subject, Numbers: []int64{int64(mask)}})
	})
}

// lowestResult of a system call: MAX_ERRNO of include/linux/err.h, below which results are addresses.
const lowestResult = math.MinInt64

// resultIsDescriptor are event types whose fd is what the call returns.
var resultIsDescriptor = []string{"open", "openat", "openat2", "creat"}

// descriptor translates fd.num of opens: the result, −1 if the call failed.
func (t *translation) descriptor(a *logic.Atom) normal {
	if !slices.Contains(resultIsDescriptor, t.event.Name) {
		return everything
	}
	ranges := numberRanges(a, 0)
	failed := compare.Value{State: compare.Present, Number: -1}
	if a.Comparison.Holds(&failed) == compare.True {
		ranges = append(ranges, Range{lowestResult, -1})
	}
	return of(&Filter{Kind: Return, Ranges: ranges})
}

// result translates evt.rawres.
func (t *translation) result(a *logic.Atom) normal {
	return of(&Filter{Kind: Return, Ranges: numberRanges(a, lowestResult)})
}

// numberRanges are the numbers from lowest upwards for which a comparison holds.
func numberRanges(a *logic.Atom, lowest int64) (ranges []Range) {
	add := func(from, to int64) {
		if from = max(from, lowest); from <= to {
			ranges = append(ranges, Range{from, to})
		}
	}
	if a.Operator == "exists" {
		add(lowest, math.MaxInt64)
	}
	for _, value := range a.Values {
		n, err := compare.ParseNumber(value)
		if err != nil {
			return []Range{{lowest, math.MaxInt64}}
		}
		switch a.Operator {
		case "=", "in", "intersects":
			add(n, n)
		case "!=":
			if n > lowest {
				add(lowest, n-1)
			}
			if n < math.MaxInt64 {
				add(n+1, math.MaxInt64)
			}
		case "<":
			if n > lowest {
				add(lowest, n-1)
			}
		case "<=":
			add(lowest, n)
		case ">":
			if n < math.MaxInt64 {
				add(n+1, math.MaxInt64)
			}
		case ">=":
			add(n, math.MaxInt64)
		}
	}
	return ranges
}

// resultWord translates evt.res: SUCCESS, or the name of an error.
func (t *translation) resultWord(a *logic.Atom) normal {
	if plainOperator(a) != "=" || a.Modifier != "" {
		if a.Comparison.HoldsFor(catalog.Success) {
			return everything
		}
		return of(&Filter{Kind: Return, Ranges: []Range{{lowestResult, -1}}})
	}
	var ranges []Range
	for _, value := range a.Values {
		number, known := catalog.ErrorNumber(value)
		switch {
		case value == catalog.Success:
			ranges = append(ranges, Range{0, math.MaxInt64})
		case known:
			ranges = append(ranges, Range{-number, -number})
		default: // an error may be written otherwise
			ranges = append(ranges, Range{lowestResult, -1})
		}
	}
	return of(&Filter{Kind: Return, Ranges: ranges})
}

// enumerations are the numbers of parameters that are told by name, up to the highest that has one.
var enumerations = map[string]struct {
	name    func(number uint64) string
	numbers []uint64
}{
	"request": {catalog.PtraceRequest, upTo(64, 0x4200, 0x4240)},
	"cmd":     {func(n uint64) string { return event.BpfCommandName(uint32(n)) }, upTo(128)},
	"domain":  {func(n uint64) string { return event.FamilyName(uint16(n)) }, upTo(128)},
}

// upTo are the numbers below the first bound, and between each further pair.
func upTo(below uint64, pairs ...uint64) (numbers []uint64) {
	bounds := append([]uint64{0, below}, pairs...)
	for i := 0; i < len(bounds); i += 2 {
		for n := bounds[i]; n < bounds[i+1]; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// enumeration translates a parameter that is told by name: the numbers whose names fit. Those without a name are told as numbers, so a
// text that could be one says nothing unless it is the number.
func (t *translation) enumeration(a *logic.Atom) normal {
	subject := strings.TrimPrefix(a.Field().Name, "evt.arg.")
	set, ok := enumerations[subject]
	if !ok || subject == "request" && t.options.Arch != "amd64" {
		return everything
	}
	return texts(a, func(operator, value string) normal {
		if operator != "=" && strings.Trim(value, "0123456789") == "" || !slices.Contains([]string{"=", "contains", "startswith", "endswith"}, operator) {
			return everything
		}
		f := &Filter{Kind: Integer, Subject: subject}
		for _, n := range set.numbers {
			if holds(operator, set.name(n), value) {
				f.Numbers = append(f.Numbers, int64(n))
			}
		}
		if n, err := compare.ParseNumber(value); err == nil && operator == "=" && !slices.Contains(f.Numbers, n) {
			f.Numbers = append(f.Numbers, n)
		}
		return of(f)
	})
}

func holds(operator, text, value string) bool {
	switch operator {
	case "=":
		return text == value
	case "contains":
		return strings.Contains(text, value)
	case "startswith":
		return strings.HasPrefix(text, value)
	}
	return strings.HasSuffix(text, value)
}
