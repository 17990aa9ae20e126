// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/logic"
)

// State says what can be expected of a rule.
type State uint8

// The states, from the best to the worst.
const (
	// Armed: as in Falco.
	Armed State = iota
	// ArmedNoisy: what has to hold is exact; an exception is not, so that there may be alerts that Falco does not raise.
	ArmedNoisy
	// Approximate: something that has to hold is approximated.
	Approximate
	// Unsupported: something that has to hold is not known of any event.
	Unsupported
	// HostOnly: the rule holds outside of containers only, which are not looked at.
	HostOnly
)

// stateNames are the states as they are listed: the first two are both armed.
var stateNames = [...]string{"armed", "armed", "degraded", "unsupported", "host only"}

// String is the state as it is listed.
func (s State) String() string { return stateNames[s] }

// Arm is a rule for events of one type.
type Arm struct {
	Event *catalog.EventType
	State State
	// Reasons name the fields that are not exact and have to hold; those of exceptions are in Noise.
	Reasons, Noise []string
}

// Report is the state of a rule.
type Report struct {
	Rule  *falco.Rule
	State State
	// Arms by event types. The rule's state is the worst of those that are supported at all.
	Arms []Arm
	// Untold are event types that the rule names and that are not traced.
	Untold []string
}

// Reasons of all arms, each once. Of an arm that is not supported while others are, the event type is named.
func (r *Report) Reasons() (reasons []string) {
	for _, arm := range r.Arms {
		for _, reason := range arm.Reasons {
			if arm.State == Unsupported && r.State != Unsupported {
				reason = fmt.Sprintf("not for %s: %s", arm.Event.Name, reason)
			}
			reasons = appendNew(reasons, reason)
		}
	}
	for _, name := range r.Untold {
		reasons = append(reasons, fmt.Sprintf("events of type %s are not traced", name))
	}
	return reasons
}

// StateOf finds out what can be expected of a rule.
func StateOf(e *falco.Engine, rule *falco.Rule) Report {
	report := Report{Rule: rule, State: HostOnly, Untold: rule.Untold}
	if len(rule.Untold) > 0 {
		report.State = Unsupported
	}
	supported := false
	for _, event := range rule.Events {
		arm := armOf(e, rule, event)
		report.Arms = append(report.Arms, arm)
		switch {
		case arm.State == Unsupported && !supported:
			report.State = Unsupported
		case arm.State != Unsupported && !supported:
			report.State, supported = arm.State, true
		case arm.State != Unsupported:
			report.State = max(report.State, arm.State)
		}
	}
	return report
}

func armOf(e *falco.Engine, rule *falco.Rule, event *catalog.EventType) Arm {
	arm := Arm{Event: event}
	arm.State = arm.of(e.Builder().Positive(e.Specialise(rule, event)))
	return arm
}

// of is the state of an expression whose negations are at the comparisons: what is denied is an exception.
func (a *Arm) of(e *logic.Expression) State {
	switch e.Kind {
	case logic.IsAtom:
		return a.atom(e.Atom, false)
	case logic.Not:
		return a.atom(e.Terms[0].Atom, true)
	}
	states := make([]State, len(e.Terms))
	for i, term := range e.Terms {
		states[i] = a.of(term)
	}
	if len(states) == 0 {
		return Armed
	}
	worst := slices.Max(states)
	if e.Kind == logic.Or && worst == Unsupported && slices.Min(states) != Unsupported {
		return Approximate // another branch can hold
	}
	return worst
}

// atom is the state of a comparison.
func (a *Arm) atom(atom *logic.Atom, denied bool) State {
	state := Armed
	for _, slot := range atom.Slots() {
		status, reason := StatusOf(slot.Reference, a.Event)
		if status == Exact || a.asksForSuccess(atom) {
			continue
		}
		text := fmt.Sprintf("%s: %s", slot.Reference.Name, reason)
		if denied {
			a.Noise = appendNew(a.Noise, text)
			state = max(state, ArmedNoisy)
			continue
		}
		a.Reasons = appendNew(a.Reasons, text)
		state = max(state, map[Status]State{Degraded: Approximate, Unavailable: Unsupported}[status])
	}
	return state
}

// asksForSuccess says whether a comparison of what an open returned asks only whether it succeeded: that is known.
func (a *Arm) asksForSuccess(atom *logic.Atom) bool {
	field := atom.Field()
	if field == nil || field.Name != "fd.num" || !slices.Contains(openFamily, a.Event.Name) {
		return false
	}
	switch atom.Operator {
	case "exists":
		return true
	case "=", "!=", "in", "intersects":
		return !slices.ContainsFunc(atom.Values, func(value string) bool { return value != "-1" })
	case ">=", "<":
		return slices.Equal(atom.Values, []string{"0"})
	case ">", "<=":
		return slices.Equal(atom.Values, []string{"-1"})
	}
	return false
}

func appendNew(texts []string, text string) []string {
	if slices.Contains(texts, text) {
		return texts
	}
	return append(texts, text)
}
