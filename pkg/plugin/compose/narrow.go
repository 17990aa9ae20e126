// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"slices"
	"strings"
)

// Narrowing is what of the command line's filters is asked for in the kernel already, so that what nobody wants to see does not
// come out of it. It leaves in at least what the filters keep, which are applied to the events as well. The zero value is
// nothing.
type Narrowing struct {
	// Programs are the names of programs, without folders, of which one has to be the process's. The name is all that is certain:
	// a program is told to the kernel as it was asked for (./script.sh, //bin/vi) and as the file that was loaded for it (dash,
	// busybox), while its path in the events is neither.
	Programs []string
	// PIDs are in the node's pid namespace.
	PIDs []uint32
}

// maxProgramName is how long a name may be for Tetragon to compare the end of a path with it, in bytes.
const maxProgramName = 127

// maxPIDs is how many Tetragon takes in a filter.
const maxPIDs = 4

// Narrow returns the policies with the filters in each selector that does nothing but report. Those that do anything else stay
// as they are: what is shown must not decide about what is done, and what they note (files, sockets) other programs may use.
func Narrow(policies []Policy, n Narrowing) []Policy {
	filter := n.selector()
	if len(filter.MatchBinaries) == 0 && len(filter.MatchPIDs) == 0 {
		return policies
	}
	narrowed := slices.Clone(policies)
	for i := range narrowed {
		p := &narrowed[i]
		for _, section := range []*[]Hook{&p.Kprobes, &p.Tracepoints, &p.LSMHooks, &p.Uprobes, &p.USDTs} {
			*section = slices.Clone(*section)
			for j := range *section {
				hook := &(*section)[j]
				hook.Selectors = narrowSelectors(hook.Selectors, filter)
			}
		}
	}
	return narrowed
}

// selector has what of the narrowing can be said in a policy.
func (n Narrowing) selector() (s Selector) {
	if len(n.Programs) > 0 && !slices.ContainsFunc(n.Programs, isUncertain) {
		s.MatchBinaries = []Binaries{{Operator: "Postfix", Values: n.Programs}}
	}
	if len(n.PIDs) > 0 && len(n.PIDs) <= maxPIDs {
		s.MatchPIDs = []PIDs{{Operator: "In", Values: n.PIDs}}
	}
	return s
}

// isUncertain says whether a name may be worded otherwise in the kernel than in events: events have a note behind files that
// are deleted, replace what is no text, and put threads of the kernel in brackets.
func isUncertain(name string) bool {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+-@%=:,~", r)
	}
	return name == "" || len(name) > maxProgramName || strings.ContainsFunc(name, func(r rune) bool { return !plain(r) })
}

func narrowSelectors(selectors []Selector, filter Selector) []Selector {
	if len(selectors) == 0 {
		return []Selector{filter}
	}
	selectors = slices.Clone(selectors)
	for i := range selectors {
		s := &selectors[i]
		if slices.ContainsFunc(s.MatchActions, func(a Action) bool { return a.Action != "Post" }) {
			continue
		}
		if len(s.MatchBinaries) == 0 { // Tetragon takes one
			s.MatchBinaries = filter.MatchBinaries
		}
		if len(s.MatchPIDs) == 0 {
			s.MatchPIDs = filter.MatchPIDs
		}
	}
	return selectors
}
