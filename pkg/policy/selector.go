// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// Selector is conditions, all of which must hold, and what to do then. Without actions: Post.
type Selector struct {
	Position
	// Label names the selector in counters.
	Label string

	PIDs              []PIDFilter
	Args              []ArgumentFilter
	Data              []ArgumentFilter
	ReturnArgs        []ArgumentFilter
	Namespaces        []NamespaceFilter
	NamespaceChanges  []NamespaceChangeFilter
	Capabilities      []CapabilityFilter
	CapabilityChanges []CapabilityFilter
	Binaries          []BinaryFilter
	ParentBinaries    []BinaryFilter
	// Workloads that the current process must be in each of: what matchWorkloads says, of the selector or of one of its macros.
	Workloads []Scope

	Actions []Action
	// ReturnActions are done at the return probe.
	ReturnActions []Action
}

// PIDFilter compares the process ID (tgid).
type PIDFilter struct {
	Position
	// Negated: none of the values.
	Negated bool
	Values  []uint32
	// InNamespace: the ID in the process's own PID namespace, not the host's.
	InNamespace bool
	// FollowForks: descendants of a process with such an ID count as well, however far.
	FollowForks bool
}

// NamespaceFilter compares the inode number of one of the process's namespaces.
type NamespaceFilter struct {
	Position
	Namespace Namespace
	Negated   bool
	Inodes    []uint32
	// Host: the host's namespace is one of the values.
	Host bool
}

// NamespaceChangeFilter: one of the namespaces is another than at the process's exec.
type NamespaceChangeFilter struct {
	Position
	Negated    bool
	Namespaces []Namespace
}

// CapabilityFilter: the set has at least one of the capabilities. As a change filter: one of them is in the set and was not
// at the process's exec, or the reverse.
type CapabilityFilter struct {
	Position
	Set     CapabilitySet
	Negated bool
	// Capabilities by bit.
	Capabilities uint64
	// InNamespace: only if the process is in a user namespace other than the host's.
	InNamespace bool
}

// BinaryFilter compares the path of the process's program; for a script that is the interpreter.
type BinaryFilter struct {
	Position
	// Match is MatchEqual, MatchPrefix or MatchPostfix.
	Match   Match
	Negated bool
	Values  []string
	// FollowChildren: descendants of a process with such a program count as well.
	FollowChildren bool
}

// ArgumentFilter compares an argument. The value matches if any of the operands does; Negated turns that around.
type ArgumentFilter struct {
	Position
	// Operator as the policy spells it, for messages.
	Operator string
	Match    Match
	Negated  bool
	// Args are places in the hook's Args (or Data), one; two for MatchGained: the old set, the new one; none for
	// MatchExpression, whose expression names its arguments. Of ReturnArgs it is always the place 0.
	Args []int
	// Raw is the values as written, of lists the values but of those of system calls the name. The operands below are parsed from them; they are not where the argument's type is
	// Auto, until Typed is asked with the type that the kernel says.
	Raw []string
	Operands
}

// Operands are parsed values, those that the filter's Match says.
type Operands struct {
	// Ranges of MatchRange, MatchPort, MatchProtocol, MatchFamily, MatchState; both ends belong to it. Numbers of a signed
	// type are sign-extended two's complement: compare as the type says.
	Ranges []Range
	// Mask of MatchMask: each value is tested by itself, one with a common bit is enough. Of MatchGained: capabilities by
	// bit, 0 for any.
	Masks []uint64
	// Strings of MatchEqual, MatchPrefix, MatchPostfix and MatchSubstring, without a terminating NUL.
	Strings []string
	// IgnoreCase of MatchSubstring.
	IgnoreCase bool
	// Addresses of MatchSource and MatchDestination; masked.
	Addresses []netip.Prefix
	// Syscalls of MatchRange beside Ranges, for arguments that are system call numbers.
	Syscalls []Syscall
	// FileTypes of MatchFileType: values of the S_IFMT bits.
	FileTypes []uint32
	// Expression of MatchExpression.
	Expression *Expression
}

// Range of numbers, both ends included.
type Range struct{ Min, Max uint64 }

// Syscall is a system call by name: its number is the node's to know.
type Syscall struct {
	ABI  syscalls.ABI
	Name string
}

// Matches says whether a program's path is one of the values; Negated is not looked at.
func (f *BinaryFilter) Matches(path string) bool {
	return slices.ContainsFunc(f.Values, func(value string) bool {
		switch f.Match {
		case MatchPrefix:
			return strings.HasPrefix(path, value)
		case MatchPostfix:
			return strings.HasSuffix(path, value)
		}
		return path == value
	})
}
