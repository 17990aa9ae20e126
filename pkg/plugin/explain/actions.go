// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// unarmed marks what only enforcing does.
const unarmed = " (armed only by enforce)"

// scopes of rate limits, by policy.RateLimitScope.
var scopes = [...]string{policy.RateLimitThread: "thread", policy.RateLimitProcess: "process", policy.RateLimitGlobal: "node"}

// details of actions: what is said where the parameter is set.
var details = []struct {
	set  func(a *policy.Action) bool
	text func(a *policy.Action) string
}{
	{func(a *policy.Action) bool { return a.RateLimit > 0 },
		func(a *policy.Action) string {
			return "once in " + a.RateLimit.Round(time.Millisecond).String() + " for a " + scopes[a.RateLimitScope]
		}},
	{func(a *policy.Action) bool { return a.KernelStackTrace }, func(*policy.Action) string { return "with the kernel's stack" }},
	{func(a *policy.Action) bool { return a.UserStackTrace }, func(*policy.Action) string { return "with the program's stack" }},
	{func(a *policy.Action) bool { return a.IMA }, func(*policy.Action) string { return "with the file's IMA hash" }},
	{func(a *policy.Action) bool { return a.Error != 0 }, func(a *policy.Action) string { return fmt.Sprintf("error %d", a.Error) }},
	{func(a *policy.Action) bool { return a.Signal != 0 }, func(a *policy.Action) string {
		if a.Kind == policy.Signal {
			return fmt.Sprint(a.Signal)
		}
		return fmt.Sprintf("signal %d", a.Signal)
	}},
	{func(a *policy.Action) bool { return a.NewSymbol != "" }, func(a *policy.Action) string { return "goes on at " + a.NewSymbol }},
	{func(a *policy.Action) bool { return len(a.Registers) > 0 }, func(*policy.Action) string { return "sets registers" }},
	{func(a *policy.Action) bool { return a.Kind == policy.Set }, func(a *policy.Action) string { return fmt.Sprintf("value %d", a.Value) }},
	{func(a *policy.Action) bool { return a.URL != "" }, func(a *policy.Action) string { return a.URL }},
	{func(a *policy.Action) bool { return a.Domain != "" }, func(a *policy.Action) string { return a.Domain }},
}

// actions of a list. A call is posted unless an action says otherwise.
func actions(list []policy.Action, armed bool) string {
	is := func(kind policy.ActionKind) func(policy.Action) bool {
		return func(a policy.Action) bool { return a.Kind == kind }
	}
	var all []string
	if !slices.ContainsFunc(list, is(policy.Post)) && !slices.ContainsFunc(list, is(policy.NoPost)) {
		all = append(all, policy.Post.String())
	}
	for i := range list {
		all = append(all, action(&list[i], armed))
	}
	return strings.Join(all, ", ")
}

func action(a *policy.Action, armed bool) string {
	var text strings.Builder
	text.WriteString(a.Kind.String())
	for _, d := range details {
		if d.set(a) {
			text.WriteString(" " + d.text(a))
		}
	}
	if a.Kind.Enforces() && !armed {
		text.WriteString(unarmed)
	}
	return text.String()
}

// Futile is an action of a list of which nothing comes where the list is served, while no other of the list stops the process: who
// enforces refuses that. prevents: calls can be made to fail there. enforcers: the policy's are served.
func Futile(list []policy.Action, prevents, enforcers bool) (kind policy.ActionKind, futile bool) {
	if slices.ContainsFunc(list, func(a policy.Action) bool { return a.Kind == policy.Sigkill }) {
		return 0, false
	}
	at := slices.IndexFunc(list, func(a policy.Action) bool {
		return a.Kind == policy.Override && !prevents || a.Kind == policy.NotifyEnforcer && a.Signal == 0 && (a.Error == 0 || !enforcers)
	})
	if at < 0 {
		return 0, false
	}
	return list[at].Kind, true
}

// effect is what comes of a hook's enforcing actions where it is served, in words. Parameters as those of Futile.
func effect(h *policy.Hook, prevents, enforcers bool) string {
	denies, kills := false, false
	for _, s := range h.Selectors {
		for _, list := range [][]policy.Action{s.Actions, s.ReturnActions} {
			if kind, futile := Futile(list, prevents, enforcers); futile {
				return fmt.Sprintf("CANNOT BE ENFORCED: %s can neither deny nor kill here, so enforce refuses to arm it", kind)
			}
			for _, a := range list {
				denies = denies || prevents && (a.Kind == policy.Override || a.Kind == policy.Sigkill) || enforcers && a.Kind == policy.NotifyEnforcer && a.Error != 0
				kills = kills || a.Kind == policy.Sigkill || a.Signal == signalKill
			}
		}
	}
	switch {
	case denies:
		return "prevents"
	case kills:
		return "kills but does not prevent"
	}
	return "acts but does not prevent"
}

// signalKill is SIGKILL.
const signalKill = 9

// enforces says whether an action of a hook changes what processes do.
func enforces(h *policy.Hook) bool {
	return slices.ContainsFunc(h.Selectors, func(s policy.Selector) bool { return s.Enforces() })
}
