// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

// term evaluates a term. What a transformer makes is put into one of two places, so that it is not allocated.
func (v *Evaluator) term(t *logic.Term, view compare.View, place int) *compare.Value {
	if t.Slot != nil {
		return v.value(t.Slot, view)
	}
	to := &v.scratch[place]
	*to = compare.Value{}
	if t.Transformer == "len" {
		v.length(t.Arguments[0], view, to)
		return to
	}
	to.Text, to.Cut, to.State = v.text(t, view)
	return to
}

// length of a text in bytes, or of a list.
func (v *Evaluator) length(t *logic.Term, view compare.View, to *compare.Value) {
	if t.Slot != nil && t.Type == catalog.TextList {
		list := v.value(t.Slot, view)
		to.State, to.Cut, to.Number = list.State, list.Cut, int64(len(list.Texts))
		return
	}
	text, cut, state := v.text(t, view)
	to.State, to.Cut, to.Number = state, cut, int64(len(text))
}

// text evaluates a term that is a text.
func (v *Evaluator) text(t *logic.Term, view compare.View) (text string, cut bool, state compare.State) {
	switch {
	case t.Slot != nil:
		value := v.value(t.Slot, view)
		return value.Text, value.Cut, value.State
	case t.Transformer == "":
		return t.Constant, false, compare.Present
	}
	if t.Transformer == "join" || t.Transformer == "concat" {
		return v.joined(t, view)
	}
	if text, cut, state = v.text(t.Arguments[0], view); state != compare.Present {
		return "", cut, state
	}
	if text, ok := compare.Transform(t.Transformer, text); ok {
		return text, cut, state
	}
	return "", false, compare.Absent
}

// joined evaluates join and concat: absent if one of the texts is.
func (v *Evaluator) joined(t *logic.Term, view compare.View) (text string, cut bool, state compare.State) {
	texts := make([]string, 0, len(t.Arguments))
	state = compare.Present
	for _, argument := range t.Arguments {
		text, partly, s := v.text(argument, view)
		if s == compare.Absent {
			return "", false, s
		}
		if s == compare.NotDelivered {
			state = s
		}
		cut = cut || partly
		texts = append(texts, text)
	}
	if state != compare.Present {
		return "", cut, state
	}
	if t.Transformer == "join" {
		return strings.Join(texts[1:], texts[0]), cut, state
	}
	return strings.Join(texts, ""), cut, state
}
