// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"math"
	"slices"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
)

// equal is a tracepoint that stands in for a function: where it is passed and where the function's arguments are there.
type equal struct {
	// enter and exit name system calls, whose entry or exit it is; event is another tracepoint. One of them is set.
	enter, exit []string
	event       string
	// arguments of the function by index; nil for one that is not seen.
	arguments []seen
	// parts of what arguments point at, which no argument of the tracepoint does: a policy has them by resolve.
	parts []part
	// result of the function; nil: the call went on, so what is asked said 0.
	result seen
	// when it is the function: all have to hold.
	when []when
	// note is what the tracepoint does not see of the function's calls.
	note string
	// compat: the system calls are those of the ABI for 32 bits.
	compat bool
	// array, unless it is nil, points at the arguments in the memory of the program; of the ABI for 32 bits only.
	array seen
}

// seen is where a value is at a tracepoint.
type seen func(n *Node, e *equal) (source, error)

// when is a condition on a value.
type when struct {
	value    seen
	subject  bpf.HookFilterSubject
	min, max uint64
	// or are more ranges, above the first, sorted and apart.
	or      []policy.Range
	negated bool
}

// part is a field behind an argument of the function.
type part struct {
	argument int
	// field as resolve has it.
	field string
	value seen
}

// argument n of the system call.
func argument(n int) seen {
	return func(node *Node, e *equal) (source, error) {
		switch {
		case e.array != nil:
			return inMemory(e.array, uint32(n)*compatWord, compatWord)(node, e)
		case e.compat:
			return node.compatArgument(n)
		}
		register, err := node.Registers.SyscallArgument(n)
		return inRegisters(0, register.Offset), err
	}
}

// returns: what the system call returns.
func returns(*Node, *equal) (source, error) { return at(word), nil }

// of is another form of a value: what the kernel side finds behind it.
func of(value seen, kind bpf.HookArgumentKind, flags bpf.HookArgumentFlags) seen {
	return func(node *Node, e *equal) (source, error) {
		from, err := value(node, e)
		from.override, from.Kind = true, uint8(kind)
		from.Flags |= uint8(flags)
		return from, err
	}
}

// fileOf is the file that a descriptor stands for, socketOf its socket.
func fileOf(descriptor seen) seen { return of(descriptor, bpf.HookArgumentKindKIND_FD, 0) }
func socketOf(descriptor seen) seen {
	return of(descriptor, bpf.HookArgumentKindKIND_SOCKET, bpf.HookArgumentFlagsARGUMENT_FROM_FD)
}

// pathAt is the path that user space wrote, made absolute.
func pathAt(pointer seen) seen { return pathBelow(is(atWorkingDirectory), pointer) }

// pathBelow is pathAt for a path that may be relative to the directory that a descriptor stands for.
func pathBelow(descriptor, pointer seen) seen {
	path := of(pointer, bpf.HookArgumentKindKIND_USER_PATH, bpf.HookArgumentFlagsARGUMENT_USER)
	return func(node *Node, e *equal) (source, error) {
		beside, err := descriptor(node, e)
		if err != nil {
			return source{}, err
		}
		from, err := path(node, e)
		from.beside = &beside
		return from, err
	}
}

// directoryOf is the directory that a path is in.
func directoryOf(path seen) seen {
	return func(node *Node, e *equal) (source, error) {
		from, err := path(node, e)
		from.Constant = 1
		return from, err
	}
}

// is a value that the tracepoint implies.
func is(value uint64) seen {
	return func(*Node, *equal) (source, error) { return constant(value), nil }
}

// inState is a socket that the tracepoint still shows in the state before.
func inState(value seen, state uint64) seen {
	return func(node *Node, e *equal) (source, error) {
		from, err := value(node, e)
		from.Constant = state
		return from, err
	}
}

// withoutPort is a socket of which the source port is not chosen yet, if its program did not bind it to one.
func withoutPort(value seen) seen {
	return func(node *Node, e *equal) (source, error) {
		from, err := value(node, e)
		from.lacks = &lack{bpf.HookFilterSubjectSUBJECT_SOURCE_PORT, "a connection is seen here before its source port is chosen: there is nothing to compare"}
		return from, err
	}
}

// field of the struct that a pointer of the tracepoint's leads to.
func field(pointer seen, of, name string) seen {
	return func(n *Node, e *equal) (source, error) {
		from, err := pointer(n, e)
		if err != nil {
			return from, err
		}
		return n.follow(from, of, name)
	}
}

// inMemory is a number of so many bytes that a program has at an offset from where a pointer leads to.
func inMemory(pointer seen, offset uint32, size uint8) seen {
	return func(n *Node, e *equal) (source, error) {
		from, err := pointer(n, e)
		from.Walk[from.Steps], from.Size = offset, size
		from.Steps++
		from.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_USER)
		return from, err
	}
}

// ofSize is a buffer with its size: bytes, of a vector its entries.
func ofSize(buffer, size seen) seen {
	return func(n *Node, e *equal) (source, error) {
		beside, err := size(n, e)
		if err != nil {
			return source{}, err
		}
		from, err := buffer(n, e)
		from.beside = &beside
		return from, err
	}
}

// slot n of the tracepoint's arguments.
func slot(n int) seen {
	return func(*Node, *equal) (source, error) { return at(uint32(word * n)), nil }
}

// fileOfBinprm is the file in the struct linux_binprm that is slot n.
func fileOfBinprm(n int) seen {
	return of(slot(n), bpf.HookArgumentKindKIND_BINPRM, 0)
}

// credentials of the current task.
func credentials(n *Node, _ *equal) (source, error) {
	return n.fieldOfTask("cred")
}

// equalRoutes are the tracepoints that stand in for a function; nobody is refused who has none.
func (n *Node) equalRoutes(p *policy.Policy, name string) ([]route, []Refusal) {
	rows := slices.Concat(equals[name], pathEquals[name], attributeEquals[name])
	if other, ok := otherPart(p, name); ok {
		rows = append(rows, equals[other.name]...)
	}
	if len(rows) == 0 {
		return nil, []Refusal{{"tracepoint", fmt.Errorf("no tracepoint stands in for %s", name)}}
	}
	if n.arms(p) { // else it is a matter of what is shown, and not worth twice the programs
		rows = append(rows, n.compatRows(rows)...)
	}
	var all route
	for i := range rows {
		s, err := n.equalSite(name, &rows[i])
		if err != nil {
			return nil, []Refusal{{"tracepoint", err}}
		}
		if rows[i].compat && len(s.entry.Compat) == 0 {
			continue // that ABI has no such calls
		}
		all = append(all, s)
	}
	often := slices.ContainsFunc(all, func(s *site) bool { return !s.seldom })
	for _, s := range all {
		s.seldom = !often
	}
	return []route{all}, nil
}

func (n *Node) equalSite(name string, e *equal) (*site, error) {
	s, err := n.equalPlace(e)
	if err != nil {
		return nil, err
	}
	s.via, s.implies = "tracepoint "+s.backend, true
	if e.event != "" {
		s.via = "tracepoint " + e.event
	}
	s.word = func(index int) (source, error) {
		if index < 0 || index >= len(e.arguments) || e.arguments[index] == nil {
			return source{}, fmt.Errorf("%s, which stands in for %s, does not see argument %d", s.via, name, index)
		}
		return e.arguments[index](n, e)
	}
	s.part = func(index int, field string) (source, bool, error) { return n.partOf(e, index, field) }
	s.returned = func() (source, error) {
		if e.result != nil {
			return e.result(n, e)
		}
		return constant(0), nil
	}
	s.parameter = func(int) (btf.Type, error) {
		return nil, fmt.Errorf("%s stands in for %s: only whole arguments can be had there", s.via, name)
	}
	if s.executed = e.event == execEvent; s.executed {
		s.notes = append(s.notes, noteExec)
	}
	if e.note != "" {
		s.notes = append(s.notes, e.note)
	}
	if !e.compat && slices.ContainsFunc(uring, func(call string) bool { return slices.Contains(e.enter, call) || slices.Contains(e.exit, call) }) {
		s.notes = append(s.notes, noteUring)
	}
	for _, w := range e.when {
		from, err := w.value(n, e)
		if err != nil {
			return nil, err
		}
		s.conditions = append(s.conditions, condition{from, w.subject, append([]policy.Range{{Min: w.min, Max: w.max}}, w.or...), w.negated})
	}
	return s, nil
}

// partOf finds a field behind an argument; false if the row has none of that name.
func (n *Node) partOf(e *equal, index int, field string) (source, bool, error) {
	at := slices.IndexFunc(e.parts, func(p part) bool { return p.argument == index && p.field == field })
	if at < 0 {
		return source{}, false, nil
	}
	from, err := e.parts[at].value(n, e)
	return from, true, err
}

// equalPlace is the site without what stands where.
func (n *Node) equalPlace(e *equal) (*site, error) {
	if e.event != "" {
		return n.rawTracepoint(e.event)
	}
	mechanism, names := hook.SyscallEnter, e.enter
	if len(e.exit) > 0 {
		mechanism, names = hook.SyscallExit, e.exit
	}
	s := &site{backend: string(mechanism), user: true, entry: attached(hook.Entry, mechanism)}
	s.seldom = true
	for _, name := range names {
		s.seldom = s.seldom && !slices.Contains(frequent, name) && !slices.Contains(opening, name)
		if e.compat {
			s.entry.Compat = append(s.entry.Compat, n.compatNumbers(name)...)
			continue
		}
		number, err := n.syscall("", name)
		if err != nil {
			continue // older calls that newer architectures don't have
		}
		s.entry.Syscalls = append(s.entry.Syscalls, uint32(number))
	}
	var err error
	s.spec, err = n.Kernel.Spec()
	return s, err
}

// noError is the highest number that is no error, as negative ones are.
const noError = math.MaxInt64

// atWorkingDirectory is AT_FDCWD, include/uapi/linux/fcntl.h, as a word.
const atWorkingDirectory = math.MaxUint64 + unix.AT_FDCWD + 1
