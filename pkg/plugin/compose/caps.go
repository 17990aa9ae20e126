// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// CapabilityChecks are the questions whether a process has a capability.
type CapabilityChecks struct {
	// Capabilities that are asked for, as CapabilityName has them; none: all.
	Capabilities []string
	// Answer that is shown.
	Answer CapabilityAnswer
	// Repeats are shown; otherwise a process's question is once a minute.
	Repeats bool
	// Unaudited questions are shown too: those by which the kernel finds out what it may do without it mattering to anybody
	// (whether a process may use the last of the memory, at each mmap and fork).
	Unaudited bool
}

// CapabilityAnswer is what the kernel said.
type CapabilityAnswer int

// The answers.
const (
	AnyAnswer CapabilityAnswer = iota
	Granted
	Denied
)

// CapabilityFunction is the kernel's function that all capability checks end in, and whose events a policy of
// CapabilityChecks makes. Its arguments are the credentials, the user namespace, the capability and options; it returns 0 or
// -EPERM.
const CapabilityFunction = "cap_capable"

// CapabilityPolicy is the name of the policy of CapabilityChecks.
const CapabilityPolicy = "capability-checks"

// Values of options, include/linux/security.h: CAP_OPT_NONE and CAP_OPT_INSETID. The one left out is CAP_OPT_NOAUDIT.
var auditedOptions = []string{"0", "4"}

// repeatTime is the rate limit of Tetragon's own example of such a policy.
const repeatTime = "1m"

// CapabilityName is the name of a capability in full (CAP_SYS_ADMIN), from one with or without the prefix, in any case.
func CapabilityName(text string) (string, error) {
	name := strings.TrimPrefix(strings.ToUpper(text), "CAP_")
	known := event.CapabilityNames()
	if !slices.Contains(known, name) {
		return "", fmt.Errorf("%q is no capability%s", text, policy.DidYouMean(name, known))
	}
	return "CAP_" + name, nil
}

// Policy has one hook. What an answer is not about has no rate limit: the first question of a process would silence the next,
// whose answer may be another.
func (c CapabilityChecks) Policy() Policy {
	no := false
	h := Hook{
		Call: CapabilityFunction, Syscall: &no,
		Args:   []Argument{{Index: 1, Type: "user_namespace"}, {Index: 2, Type: "capability"}},
		Return: true, ReturnArg: &Argument{Index: 0, Type: "int"},
	}
	var s Selector
	if len(c.Capabilities) > 0 {
		s.MatchArgs = append(s.MatchArgs, Filter{Index: 2, Operator: "Equal", Values: c.Capabilities})
	}
	if !c.Unaudited {
		h.Args = append(h.Args, Argument{Index: 3, Type: "uint32"})
		s.MatchArgs = append(s.MatchArgs, Filter{Index: 3, Operator: "Equal", Values: auditedOptions})
	}
	switch c.Answer {
	case Granted:
		s.MatchReturnArgs = []Filter{{Index: 0, Operator: "Equal", Values: []string{"0"}}}
	case Denied:
		s.MatchReturnArgs = []Filter{{Index: 0, Operator: "NotEqual", Values: []string{"0"}}}
	}
	if !c.Repeats && c.Answer == AnyAnswer {
		s.MatchActions = []Action{{Action: "Post", RateLimit: repeatTime, RateLimitScope: "process"}}
	}
	if len(s.MatchArgs)+len(s.MatchReturnArgs)+len(s.MatchActions) > 0 {
		h.Selectors = []Selector{s}
	}
	return Policy{Name: CapabilityPolicy, Kprobes: []Hook{h}}
}
