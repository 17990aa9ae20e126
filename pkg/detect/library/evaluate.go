// SPDX-License-Identifier: Apache-2.0

package library

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Session evaluates rules over the events of a session, and has what they remember. Several goroutines may use it.
type Session struct {
	rules []*ruleState
	// byKind are the rules by the kinds of events that they, or what has to happen before, are about.
	byKind [][]*ruleState
}

// ruleState is a rule with what it remembers.
type ruleState struct {
	*Rule
	before   []*memory
	first    []*memory
	count    *memory
	failed   atomic.Uint64
	failure  atomic.Pointer[string]
	excepted atomic.Uint64
}

// Match is what a rule says of an event.
type Match struct {
	*Rule
	Output string
}

// NewSession begins to evaluate rules.
func NewSession(rules []*Rule) *Session {
	s := &Session{byKind: make([][]*ruleState, len(kinds))}
	for _, r := range rules {
		state := &ruleState{Rule: r}
		for range r.before {
			state.before = append(state.before, newMemory())
		}
		for range r.first {
			state.first = append(state.first, newMemory())
		}
		if r.count != nil {
			state.count = newMemory()
		}
		s.rules = append(s.rules, state)
		for k := range kinds {
			if slices.ContainsFunc(r.observations(), func(o *Observation) bool { return o.kind == k }) {
				s.byKind[k] = append(s.byKind[k], state)
			}
		}
	}
	return s
}

// Evaluate says what rules say of an event.
func (s *Session) Evaluate(subject *Subject, found []Match) []Match {
	var v values
	if !v.read(subject) {
		return found
	}
	for _, r := range s.byKind[v.kind] {
		v.noted = ""
		if r.matches(&v) {
			found = append(found, Match{r.Rule, r.output.render(&v)})
		}
		r.remember(&v)
	}
	return found
}

func observed(list []Observation, v *values) bool {
	return slices.ContainsFunc(list, func(o Observation) bool { return o.matches(v) })
}

// holds says whether a condition is true; one that fails counts as false, and is counted.
func (r *ruleState) holds(e *expression, v *values) bool {
	held, err := e.holds(v)
	r.note(err)
	return held
}

func (r *ruleState) text(e *expression, v *values) string {
	text, err := e.value(v)
	r.note(err)
	return text
}

func (r *ruleState) note(err error) {
	if err != nil {
		r.failed.Add(1)
		r.failure.CompareAndSwap(nil, new(err.Error()))
	}
}

// matches asks the cheapest first, and what is counted last.
func (r *ruleState) matches(v *values) bool {
	if !observed(r.Observe, v) || !r.holds(r.condition, v) {
		return false
	}
	if slices.ContainsFunc(r.Exceptions, func(e Exception) bool { return r.excepts(&e, v) }) {
		r.excepted.Add(1)
		return false
	}
	at, source := timeOf(v.subject.Event), v.subject.Source
	for i, s := range r.Rule.before {
		if !slices.ContainsFunc(r.key, func(e *expression) bool {
			noted, happened := r.before[i].since(at, s.within, source, r.text(e, v))
			if happened && noted != "" {
				v.noted = noted
			}
			return happened
		}) {
			return false
		}
	}
	for i, e := range r.Rule.first {
		if !r.first[i].first(source, r.text(e, v)) {
			return false
		}
	}
	if c := r.Rule.count; c != nil {
		value := ""
		if c.distinct != nil {
			value = r.text(c.distinct, v)
		}
		return r.count.reached(at, c.within, c.atLeast, c.distinct != nil, value, source, r.text(c.by, v))
	}
	return true
}

// remember notes what may come before something.
func (r *ruleState) remember(v *values) {
	for i, s := range r.Rule.before {
		if observed(s.observe, v) && r.holds(s.condition, v) {
			noted := ""
			if s.note != nil {
				noted = r.text(s.note, v)
			}
			r.before[i].note(timeOf(v.subject.Event), noted, v.subject.Source, r.text(s.key, v))
		}
	}
}

// excepts says whether all fields of an exception have one of their values.
func (r *ruleState) excepts(e *Exception, v *values) bool {
	return !slices.ContainsFunc(e.fields, func(f exceptionField) bool {
		text := r.text(f.of, v)
		return !slices.ContainsFunc(f.values, func(value string) bool {
			if prefix, any := strings.CutSuffix(value, "*"); any {
				return strings.HasPrefix(text, prefix)
			}
			return text == value
		})
	})
}

// timeOf is zero for an event that does not tell it.
func timeOf(e *event.Event) time.Time {
	if e.Time == nil {
		return time.Time{}
	}
	return e.Time.Time
}

// Trouble is what kept a rule from firing.
type Trouble struct {
	*Rule
	// Failed counts expressions that could not be evaluated, with the first reason; Forgotten what it remembered and had no room for;
	// Excepted how often an exception held.
	Failed    uint64
	Reason    string
	Forgotten uint64
	Excepted  uint64
}

// Troubles are those of all rules that had some.
func (s *Session) Troubles() (all []Trouble) {
	for _, r := range s.rules {
		t := Trouble{Rule: r.Rule, Failed: r.failed.Load(), Excepted: r.excepted.Load()}
		if reason := r.failure.Load(); reason != nil {
			t.Reason = *reason
		}
		for _, m := range append(slices.Concat(r.before, r.first), r.count) {
			if m != nil {
				m.mu.Lock()
				t.Forgotten += m.forgotten
				m.mu.Unlock()
			}
		}
		if t.Failed+t.Forgotten+t.Excepted > 0 {
			all = append(all, t)
		}
	}
	return all
}
