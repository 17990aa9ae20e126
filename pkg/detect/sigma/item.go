// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"strconv"
	"strings"
)

// item is one entry of a selection: a field and what is asked of it.
type item struct {
	field string
	// key is the same for items that are the same, so that they are evaluated once for all rules.
	key string
	// presence: whether the field is there is all that is asked; wanted is the answer.
	presence, wanted bool
	// absent: a field that is not there matches.
	absent bool
	// all of the matchers must match one value, otherwise one of them; neq: the item is true where none does.
	all, neq bool
	matchers []matcher
}

// matcher compares with one value of a rule.
type matcher interface {
	verdict(*text, *Evaluator) verdict
	// key is the same for matchers that are the same.
	key(*strings.Builder)
	cost() int
}

// Costs of comparisons in about 4 ns, on a value of 100 bytes.
const (
	costCompare  = 1
	costNumber   = 4
	costSearch   = 6
	costWildcard = 20
	costRegexp   = 150
)

// cost is what the item costs at most against others; what is cheap goes first.
func (it *item) cost() (sum int) {
	for _, m := range it.matchers {
		sum += m.cost()
	}
	return sum + 1
}

// seal sets the key when everything else is.
func (it *item) seal() {
	var key strings.Builder
	writeKey(&key, it.field)
	for _, set := range [...]bool{it.presence, it.wanted, it.absent, it.all, it.neq} {
		key.WriteByte("-+"[boolIndex(set)])
	}
	for _, m := range it.matchers {
		m.key(&key)
		key.WriteByte(';')
	}
	it.key = key.String()
}

func boolIndex(set bool) int {
	if set {
		return 1
	}
	return 0
}

// writeKey writes text so that no other text looks like it and what follows.
func writeKey(to *strings.Builder, text string) {
	to.WriteString(strconv.Itoa(len(text)))
	to.WriteByte(':')
	to.WriteString(text)
}

// evaluate says whether the item holds for a field.
func (it *item) evaluate(f *field, e *Evaluator) verdict {
	if f.unknown {
		return it.possible(e)
	}
	if it.presence {
		return known((len(f.texts) > 0) == it.wanted)
	}
	if len(f.texts) == 0 {
		return known(it.absent)
	}
	result := no
	for i := range f.texts {
		v := it.matches(&f.texts[i], e)
		if f.texts[i].claimed {
			v &= claimed
		}
		result |= v
		if result == yes {
			break
		}
	}
	if it.neq {
		return result.not()
	}
	return result
}

// possible says whether the item may hold for a field of which nothing is known: not if it is compared with fields that are absent alone.
func (it *item) possible(e *Evaluator) verdict {
	if it.presence || it.absent || it.neq {
		return may
	}
	for _, m := range it.matchers {
		r, is := m.(*reference)
		if !is {
			return may
		}
		if other := e.field(r.field); other.unknown || len(other.texts) > 0 {
			return may
		}
	}
	return no
}

func (it *item) matches(t *text, e *Evaluator) verdict {
	if it.all {
		result := yes
		for _, m := range it.matchers {
			if result &= m.verdict(t, e); result == no {
				break
			}
		}
		return result
	}
	result := no
	for _, m := range it.matchers {
		if result |= m.verdict(t, e); result == yes {
			break
		}
	}
	return result
}
