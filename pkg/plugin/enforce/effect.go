// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// effect is what an enforcing hook does on a node.
type effect struct {
	// does is what happens to a call that it forbids, in words.
	does string
	// notes are sentences on what is less than was asked for, a line each.
	notes string
	// impossible: an action cannot be carried out there, and the policy does not say what to do instead; why.
	impossible string
	// missing: the hook is not served there; why.
	missing string
	// allowed: the policy allows that, since the kernel does not have what the hook is about.
	allowed bool
}

// errorPermission is EPERM.
const errorPermission = 1

// failing is a call that fails with an error of a policy, which writes it with either sign.
func failing(number int32) string {
	if number = max(number, -number); number == errorPermission {
		return "denied (EPERM)"
	}
	return fmt.Sprintf("denied (error %d)", number)
}

// outcomes of an action where calls can be denied and where they cannot; an empty outcome of one that enforces: it cannot be
// carried out.
var outcomes = map[policy.ActionKind]struct{ prevents, otherwise func(*policy.Action) string }{
	policy.Sigkill: {constant("denied and killed"), constant("killed, not denied")},
	policy.Signal: {
		func(a *policy.Action) string { return fmt.Sprintf("gets signal %d", a.Signal) },
		func(a *policy.Action) string { return fmt.Sprintf("gets signal %d", a.Signal) },
	},
	policy.Override: {func(a *policy.Action) string {
		if a.Error == 0 {
			return "made to go on elsewhere" // a uprobe's
		}
		return failing(a.Error)
	}, constant("")},
	policy.NotifyEnforcer: {
		func(a *policy.Action) string { return joined(signalled(a), denied(a)) },
		signalled,
	},
	policy.Set: {
		func(a *policy.Action) string { return fmt.Sprintf("gets argument %d set to %d", a.Index, a.Value) },
		func(a *policy.Action) string { return fmt.Sprintf("gets argument %d set to %d", a.Index, a.Value) },
	},
}

func constant(text string) func(*policy.Action) string {
	return func(*policy.Action) string { return text }
}

// signalled is the signal of NotifyEnforcer, which is sent from where the notification comes from.
func signalled(a *policy.Action) string {
	if a.Signal == 0 {
		return ""
	}
	return fmt.Sprintf("gets signal %d", a.Signal)
}

// denied is the error of NotifyEnforcer, which the enforcers return.
func denied(a *policy.Action) string {
	if a.Error == 0 {
		return ""
	}
	return failing(a.Error) + " by the enforcers"
}

func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), " and ")
}

// effectOf is what a hook of a policy does on a node where became is what has become of it. enforcers: those of the policy are
// served there.
func effectOf(h *policy.Hook, became event.Hook, enforcers bool) (e effect) {
	if became.Refused != "" {
		return effect{missing: became.Refused}
	}
	if became.Backend == "" { // the policy allows that
		return effect{missing: strings.Join(became.Notes, "; "), allowed: true}
	}
	var does []string
	for i := range h.Selectors {
		s := &h.Selectors[i]
		for _, list := range [][]policy.Action{s.Actions, s.ReturnActions} {
			text, impossible := outcome(list, became.Prevents, enforcers)
			if impossible != "" {
				e.impossible = fmt.Sprintf("%s can't be carried out at %s: no call can be made to fail there on this kernel", impossible, became.Name)
			}
			if text != "" && !slices.Contains(does, text) {
				does = append(does, text)
			}
		}
	}
	e.does = strings.Join(does, "; ")
	if became.Via != "" {
		e.does += " (" + became.Via + " stands in)"
	}
	e.notes = strings.Join(became.Notes, "\n")
	return e
}

// outcome of a list of actions. impossible is an action that would do nothing while no other of the list stops the process.
func outcome(list []policy.Action, prevents, enforcers bool) (text, impossible string) {
	var does []string
	stops := slices.ContainsFunc(list, func(a policy.Action) bool { return a.Kind == policy.Sigkill })
	if kind, futile := explain.Futile(list, prevents, enforcers); futile {
		impossible = kind.String()
	}
	for i := range list {
		a := &list[i]
		words, enforces := outcomes[a.Kind]
		if !enforces {
			continue
		}
		can := prevents
		if a.Kind == policy.NotifyEnforcer {
			can = enforcers
		}
		say := words.otherwise
		if can {
			say = words.prevents
		}
		if text := say(a); text != "" && !(can && a.Kind == policy.Override && stops) { // denied and killed says both
			does = append(does, text)
		}
	}
	return joined(does...), impossible
}
