// SPDX-License-Identifier: Apache-2.0

package sigma

import "net/netip"

// Match is a rule that an event matched.
type Match struct {
	Rule *Rule
	// Truncated: a part of a value was missing that could have made the rule not match.
	Truncated bool
	// Claimed: the match depends on a value that the process chose itself, see Values.Claimed.
	Claimed bool
}

// Evaluator evaluates the rules of a set over records. It is for one goroutine, and takes no memory once its buffers have grown.
type Evaluator struct {
	set    *Set
	record Record
	fields []field
	// decided are the verdicts of items over the record; undecided where there is none yet.
	decided []verdict
	// wanted are the rules that the index leaves, a bit each.
	wanted  []uint64
	matches []Match
	maybe   []*Rule
}

// undecided is no verdict.
const undecided = ^verdict(0)

// field is what a record has for a field.
type field struct {
	asked, unknown bool
	texts          []text
}

// text is one value as it is compared.
type text struct {
	raw   string
	lower []byte
	// exact is raw in bytes, once copied.
	exact  []byte
	copied bool
	cut    Cut
	// claimed: the process chose it.
	claimed bool
	// address is what raw says as one, once parsed; the zero address if it is none.
	address netip.Addr
	parsed  bool
}

// bytes are the value as it is.
func (t *text) bytes() []byte {
	if !t.copied {
		t.exact, t.copied = append(t.exact[:0], t.raw...), true
	}
	return t.exact
}

// Evaluate returns the rules that the record matches, in the order of the set. The result is valid until the next call.
func (e *Evaluator) Evaluate(r Record) []Match {
	e.reset(r)
	e.set.index.candidates(e)
	e.set.each(e.wanted, func(at int) {
		rule := e.set.rules[at]
		switch v := e.evaluate(e.set.conditions[at]); {
		case v&taken != 0:
			e.matches = append(e.matches, Match{rule, v&sure != 0 && v&must == 0, v&sure == 0})
		case v&may != 0:
			e.maybe = append(e.maybe, rule)
		}
	})
	return e.matches
}

// Undecided are the rules that the last record did not match with what it has, and could have with what is missing of it. The
// result is valid until the next Evaluate.
func (e *Evaluator) Undecided() []*Rule { return e.maybe }

func (e *Evaluator) reset(r Record) {
	e.record = r
	for i := range e.fields {
		e.fields[i].asked = false
	}
	for i := range e.decided {
		e.decided[i] = undecided
	}
	e.matches, e.maybe = e.matches[:0], e.maybe[:0]
}

// field asks the record for a field, once.
func (e *Evaluator) field(name string) *field {
	return e.fieldAt(e.set.fieldNumbers[name])
}

func (e *Evaluator) fieldAt(number int) *field {
	f := &e.fields[number]
	if f.asked {
		return f
	}
	values := e.record.Values(e.set.fields[number])
	f.asked, f.unknown = true, values.Cut&Unknown != 0
	f.texts = f.texts[:0]
	for _, raw := range values.Texts {
		f.add(raw, values.Cut, false)
	}
	for _, raw := range values.Claimed {
		f.add(raw, 0, true)
	}
	return f
}

// add puts a value into the memory of one of an earlier record, where there is one.
func (f *field) add(raw string, cut Cut, claimed bool) {
	n := len(f.texts)
	if n < cap(f.texts) {
		f.texts = f.texts[:n+1]
	} else {
		f.texts = append(f.texts, text{})
	}
	t := &f.texts[n]
	t.raw, t.cut, t.claimed, t.parsed, t.copied = raw, cut, claimed, false, false
	t.lower = appendLower(t.lower[:0], raw)
}

// evaluate says whether a condition holds. Its depth is bounded by the parser.
func (e *Evaluator) evaluate(n *compiled) verdict {
	switch n.operation {
	case isItem:
		return e.evaluateItem(n.item)
	case isNot:
		return e.evaluate(n.children[0]).not()
	case isAnd:
		result := yes
		for _, child := range n.children {
			if result &= e.evaluate(child); result == no {
				break
			}
		}
		return result
	case isOr:
		result := no
		for _, child := range n.children {
			if result |= e.evaluate(child); result == yes {
				break
			}
		}
		return result
	}
	return e.atLeast(n)
}

// atLeast counts for each bit of the verdicts on its own.
func (e *Evaluator) atLeast(n *compiled) (result verdict) {
	var counts [4]int
	for _, child := range n.children {
		v := e.evaluate(child)
		for bit := range counts {
			counts[bit] += int(v >> bit & 1)
		}
	}
	for bit, count := range counts {
		if count >= n.least {
			result |= 1 << bit
		}
	}
	return result
}

func (e *Evaluator) evaluateItem(number int) verdict {
	if v := e.decided[number]; v != undecided {
		return v
	}
	it := &e.set.items[number]
	v := it.evaluate(e.fieldAt(it.fieldNumber), e)
	e.decided[number] = v
	return v
}
