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
	text := a.Kind.String()
	for _, d := range details {
		if d.set(a) {
			text += " " + d.text(a)
		}
	}
	if a.Kind.Enforces() && !armed {
		text += unarmed
	}
	return text
}

// enforces says whether an action of a hook changes what processes do.
func enforces(h *policy.Hook) bool {
	return slices.ContainsFunc(h.Selectors, func(s policy.Selector) bool { return s.Enforces() })
}
