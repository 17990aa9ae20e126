// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// verbs of comparing, and of its opposite.
var verbs = map[policy.Match][2]string{
	policy.MatchRange:           {"is", "is not"},
	policy.MatchMask:            {"has a bit of", "has no bit of"},
	policy.MatchEqual:           {"is", "is not"},
	policy.MatchPrefix:          {"begins with", "does not begin with"},
	policy.MatchPostfix:         {"ends with", "does not end with"},
	policy.MatchSubstring:       {"contains", "does not contain"},
	policy.MatchSource:          {"has a source in", "has no source in"},
	policy.MatchDestination:     {"has a destination in", "has no destination in"},
	policy.MatchSourcePort:      {"has source port", "has a source port other than"},
	policy.MatchDestinationPort: {"has destination port", "has a destination port other than"},
	policy.MatchProtocol:        {"has protocol", "has a protocol other than"},
	policy.MatchFamily:          {"is of family", "is not of family"},
	policy.MatchState:           {"is in state", "is not in state"},
	policy.MatchFileType:        {"is of file type", "is not of file type"},
	policy.MatchGained:          {"gain", "do not gain"},
}

// verb is the words for a comparison; other is for one that has no row, which a kernel's type information decides.
func verb(m policy.Match, negated bool, other string) string {
	words, ok := verbs[m]
	switch {
	case !ok:
		return other
	case negated:
		return words[1]
	}
	return words[0]
}

// alternatives joins what any one of is enough.
func alternatives(values []string) string {
	const most = 8
	if more := len(values) - most; more > 1 {
		values = append(slices.Clone(values[:most]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(values, " or ")
}

// Selectors are what a hook compares and does, a line each, in the order in which they are tried: the first that matches
// decides. armed: enforcing actions act, and are not marked as such that don't.
func Selectors(h *policy.Hook, armed bool) []string {
	if len(h.Selectors) == 0 {
		return []string{"every call → Post"}
	}
	lines := make([]string, len(h.Selectors))
	for i := range h.Selectors {
		s := &h.Selectors[i]
		name := fmt.Sprintf("selector %d", i+1)
		if s.Label != "" {
			name += " (" + s.Label + ")"
		}
		conditions := append(ofProcess(s), ofCall(h, s)...)
		if len(conditions) == 0 {
			conditions = []string{"every call"}
		}
		lines[i] = name + ": " + strings.Join(conditions, " AND ") + " → " + actions(s.Actions, armed)
		if len(s.ReturnActions) > 0 {
			lines[i] += "; when the call returns: " + actions(s.ReturnActions, armed)
		}
	}
	return lines
}

// ofProcess are the conditions on who calls.
func ofProcess(s *policy.Selector) (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, f := range s.PIDs {
		add("the process ID%s%s %s %s", either(f.FollowForks, " (or an ancestor's)", ""), either(f.InNamespace, " in its namespace", ""),
			either(f.Negated, "is not", "is"), alternatives(numbers(f.Values)))
	}
	for _, f := range s.Namespaces {
		values := numbers(f.Inodes)
		if f.Host {
			values = append(values, "the host's")
		}
		add("the %s namespace %s %s", f.Namespace, either(f.Negated, "is not", "is"), alternatives(values))
	}
	for _, f := range s.NamespaceChanges {
		names := make([]string, len(f.Namespaces))
		for i, n := range f.Namespaces {
			names[i] = n.String()
		}
		add("the process has changed %s %s since its exec", either(f.Negated, "a namespace other than", "namespace"), alternatives(names))
	}
	for _, f := range s.Capabilities {
		add("the %s capabilities %s %s%s", f.Set, either(f.Negated, "have none of", "have"), alternatives(capabilities(f.Capabilities)),
			inNamespace(f))
	}
	for _, f := range s.CapabilityChanges {
		names := alternatives(capabilities(f.Capabilities))
		if f.Negated {
			add("the %s capabilities have changed since the process's exec, but not %s%s", f.Set, names, inNamespace(f))
			continue
		}
		add("%s has changed in the %s capabilities since the process's exec%s", names, f.Set, inNamespace(f))
	}
	for _, b := range []struct {
		what    string
		filters []policy.BinaryFilter
	}{{"the binary", s.Binaries}, {"the parent's binary", s.ParentBinaries}} {
		for _, f := range b.filters {
			add("%s%s %s %s", b.what, either(f.FollowChildren, " (or an ancestor's)", ""), verb(f.Match, f.Negated, ""), alternatives(f.Values))
		}
	}
	for _, w := range s.Workloads {
		add("the workload is of %s", scope.Workloads(w))
	}
	return all
}

// inNamespace is what a filter on capabilities asks beside them.
func inNamespace(f policy.CapabilityFilter) string {
	return either(f.InNamespace, ", in a user namespace of its own", "")
}

// ofCall are the conditions on what the hook reads.
func ofCall(h *policy.Hook, s *policy.Selector) (all []string) {
	for _, list := range []struct {
		filters []policy.ArgumentFilter
		name    func(place int) (string, *policy.ArgumentType)
	}{
		{s.Args, func(i int) (string, *policy.ArgumentType) { return argument(&h.Args[i]), h.Args[i].Type }},
		{s.Data, func(i int) (string, *policy.ArgumentType) { return data(&h.Data[i]), h.Data[i].Type }},
		{s.ReturnArgs, func(int) (string, *policy.ArgumentType) { return "the return value", h.ReturnArg.Type }},
	} {
		for _, f := range list.filters {
			if f.Match == policy.MatchExpression {
				all = append(all, strings.Join(f.Raw, " "))
				continue
			}
			name, t := list.name(f.Args[0])
			if len(f.Args) == 2 { // capabilities before and after
				after, _ := list.name(f.Args[1])
				name += " to " + after
			}
			all = append(all, name+" "+verb(f.Match, f.Negated, f.Operator)+" "+alternatives(values(f, t))+
				either(f.IgnoreCase && f.Match != policy.MatchLater, ", whatever the case of letters", ""))
		}
	}
	return all
}

// argument names one of the hook's: by its label, or by its index and type, with the way to the value.
func argument(a *policy.Argument) string {
	if a.Label != "" {
		return a.Label
	}
	return fmt.Sprintf("argument %d (%s)%s", a.Index, a.Type, way(a.Resolve))
}

func data(a *policy.Argument) string {
	switch {
	case a.Label != "":
		return a.Label
	case a.Source == policy.SourceRegisters:
		return "register " + a.Register.Name
	}
	return string(a.Source) + way(a.Resolve)
}

func way(steps []policy.Step) (text string) {
	for _, s := range steps {
		if s.Field == "" {
			text += fmt.Sprintf("[%d]", s.Element)
		} else {
			text += "." + s.Field
		}
	}
	return text
}

// values of a filter: as the policy writes them, but for numbers and ports, where the operator (greater than, privileged) is in
// them. System calls are named, those of lists too.
func values(f policy.ArgumentFilter, t *policy.ArgumentType) []string {
	var all []string
	switch f.Match {
	case policy.MatchRange, policy.MatchSourcePort, policy.MatchDestinationPort:
		for _, r := range f.Ranges {
			all = append(all, span(r, t))
		}
	default:
		all = slices.Clone(f.Raw)
	}
	for _, s := range f.Syscalls {
		all = append(all, policy.Call{Syscall: s.Name, ABI: s.ABI}.String())
	}
	if len(all) == 0 {
		return []string{"any"}
	}
	return all
}

// numbered are the classes of which a range is one of numbers; ports are no such.
const numbered = policy.ClassNumber | policy.ClassCapability | policy.ClassCapabilities | policy.ClassSyscall

// span is a range of numbers of a type in words.
func span(r policy.Range, t *policy.ArgumentType) string {
	number := t.Class&numbered != 0
	show := func(n uint64) string { return strconv.FormatUint(n, 10) }
	switch {
	case t.Class == policy.ClassCapability:
		show = capability
	case t.Class == policy.ClassCapabilities:
		show = func(n uint64) string {
			if names := capabilities(n); len(names) == 1 {
				return names[0]
			}
			return fmt.Sprintf("%#x", n)
		}
	case number && t.Signed:
		show = func(n uint64) string { return strconv.FormatInt(int64(n), 10) }
	}
	low, high := limits(t)
	switch {
	case r.Min == r.Max:
		return show(r.Min)
	case number && r.Max == high:
		return "at least " + show(r.Min)
	case number && r.Min == low:
		return "at most " + show(r.Max)
	}
	return show(r.Min) + " to " + show(r.Max)
}

// limits of a type's numbers, those below 0 sign-extended.
func limits(t *policy.ArgumentType) (low, high uint64) {
	high = math.MaxUint64 >> (64 - max(t.Bits, 1))
	if t.Signed {
		high >>= 1
		low = ^high
	}
	return low, high
}

func numbers(list []uint32) []string {
	all := make([]string, len(list))
	for i, n := range list {
		all[i] = strconv.FormatUint(uint64(n), 10)
	}
	return all
}

// capability by its number.
func capability(n uint64) string {
	if names := event.CapabilityNames(); n < uint64(len(names)) {
		return "CAP_" + names[n]
	}
	return strconv.FormatInt(int64(n), 10)
}

// capabilities by bit.
func capabilities(set uint64) (all []string) {
	for bit, name := range event.CapabilityNames() {
		if set&(1<<bit) != 0 {
			all = append(all, "CAP_"+name)
		}
	}
	return all
}

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
