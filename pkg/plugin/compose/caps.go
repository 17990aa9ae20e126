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
	// Repeats are shown; otherwise a process is asked once a minute for a capability, as long as it has the same ones.
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

// The data of an event of CapabilityPolicy, by place: the effective set of the credentials that the thread acts with, which
// are asked about, and of its own. They differ while the kernel acts in its place with somebody else's: in an overlay file
// system with those of who mounted it.
const (
	CapabilitiesAsked = iota
	CapabilitiesOwn
)

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

// Policy has one hook. Its data are among what tells repeats apart: without them the first answer would silence others that
// the process gets after it has changed its capabilities.
func (c CapabilityChecks) Policy() Policy {
	no := false
	h := Hook{
		Call: CapabilityFunction, Syscall: &no,
		Args: []Argument{{Index: 1, Type: "user_namespace"}, {Index: 2, Type: "capability"}, {Index: 3, Type: "uint32", Label: "options"}},
		Data: []Argument{
			CapabilitiesAsked: {Source: "current_task", Type: "cap_effective", Resolve: "cred.cap_effective", Label: "asked"},
			CapabilitiesOwn:   {Source: "current_task", Type: "cap_effective", Resolve: "real_cred.cap_effective", Label: "own"},
		},
		Return: true, ReturnArg: &Argument{Index: 0, Type: "int"},
	}
	var s Selector
	if len(c.Capabilities) > 0 {
		s.MatchArgs = append(s.MatchArgs, Filter{Index: 2, Operator: "Equal", Values: c.Capabilities})
	}
	if !c.Unaudited {
		s.MatchArgs = append(s.MatchArgs, Filter{Index: 3, Operator: "Equal", Values: auditedOptions})
	}
	switch c.Answer {
	case Granted:
		s.MatchReturnArgs = []Filter{{Index: 0, Operator: "Equal", Values: []string{"0"}}}
	case Denied:
		s.MatchReturnArgs = []Filter{{Index: 0, Operator: "NotEqual", Values: []string{"0"}}}
	}
	if !c.Repeats {
		s.MatchActions = []Action{{Action: "Post", RateLimit: repeatTime, RateLimitScope: "process"}}
	}
	if len(s.MatchArgs)+len(s.MatchReturnArgs)+len(s.MatchActions) > 0 {
		h.Selectors = []Selector{s}
	}
	return Policy{Name: CapabilityPolicy, Kprobes: []Hook{h}}
}
