// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

// matchRow is how a way to compare becomes a filter of the kernel side.
type matchRow struct {
	subject bpf.HookFilterSubject
	match   bpf.HookFilterMatch
}

// matchRows by policy.Match; MatchLater never comes here, and MatchExpression has code of its own.
var matchRows = map[policy.Match]matchRow{
	policy.MatchRange:           {bpf.HookFilterSubjectSUBJECT_NUMBER, bpf.HookFilterMatchMATCH_RANGE},
	policy.MatchMask:            {bpf.HookFilterSubjectSUBJECT_NUMBER, bpf.HookFilterMatchMATCH_MASK},
	policy.MatchEqual:           {bpf.HookFilterSubjectSUBJECT_TEXT, bpf.HookFilterMatchMATCH_EQUAL},
	policy.MatchPrefix:          {bpf.HookFilterSubjectSUBJECT_TEXT, bpf.HookFilterMatchMATCH_PREFIX},
	policy.MatchPostfix:         {bpf.HookFilterSubjectSUBJECT_TEXT, bpf.HookFilterMatchMATCH_POSTFIX},
	policy.MatchSubstring:       {bpf.HookFilterSubjectSUBJECT_TEXT, bpf.HookFilterMatchMATCH_SUBSTRING},
	policy.MatchSource:          {bpf.HookFilterSubjectSUBJECT_SOURCE, bpf.HookFilterMatchMATCH_ADDRESS},
	policy.MatchDestination:     {bpf.HookFilterSubjectSUBJECT_DESTINATION, bpf.HookFilterMatchMATCH_ADDRESS},
	policy.MatchSourcePort:      {bpf.HookFilterSubjectSUBJECT_SOURCE_PORT, bpf.HookFilterMatchMATCH_RANGE},
	policy.MatchDestinationPort: {bpf.HookFilterSubjectSUBJECT_DESTINATION_PORT, bpf.HookFilterMatchMATCH_RANGE},
	policy.MatchProtocol:        {bpf.HookFilterSubjectSUBJECT_PROTOCOL, bpf.HookFilterMatchMATCH_RANGE},
	policy.MatchFamily:          {bpf.HookFilterSubjectSUBJECT_FAMILY, bpf.HookFilterMatchMATCH_RANGE},
	policy.MatchState:           {bpf.HookFilterSubjectSUBJECT_STATE, bpf.HookFilterMatchMATCH_RANGE},
	policy.MatchFileType:        {bpf.HookFilterSubjectSUBJECT_FILE_TYPE, bpf.HookFilterMatchMATCH_RANGE},
	policy.MatchGained:          {bpf.HookFilterSubjectSUBJECT_GAINED, bpf.HookFilterMatchMATCH_MASK},
}

// place of an argument, an entry of data or the result in the records.
func (c *compiler) place(role Role, index int) int {
	switch role {
	case Data:
		return len(c.hook.Args) + index
	case Result:
		return int(c.def.Config.ReturnPlace)
	}
	return index
}

// argumentFilter compiles a filter on what the hook reads.
func (c *compiler) argumentFilter(f policy.ArgumentFilter, role Role) (bpf.HookHookFilter, error) {
	var none bpf.HookHookFilter
	if f.Match == policy.MatchExpression {
		return c.expression(f, role)
	}
	place := c.place(role, f.Args[0])
	t := c.places[place].Type
	if f.Match == policy.MatchLater {
		typed, err := f.Typed(t)
		if err != nil {
			return none, err
		}
		f = typed
	}
	row, ok := matchRows[f.Match]
	if !ok {
		return none, fmt.Errorf("operator %s has no form in the kernel; please report this", f.Operator)
	}
	if place < len(c.lacks) && c.lacks[place] != nil && c.lacks[place].subject == row.subject {
		return none, fmt.Errorf("operator %s: %s", f.Operator, c.lacks[place].reason)
	}
	compiled, err := c.operator(f, row, place, t)
	if err != nil {
		return none, err
	}
	compiled.Subject, compiled.Match, compiled.Place = uint8(row.subject), uint8(row.match), uint8(place)
	if f.Negated {
		compiled.Flags |= negated
	}
	if len(f.Args) == 2 {
		compiled.Other = uint8(c.place(role, f.Args[1]))
		c.needs(int(compiled.Other))
	}
	late := uint8(bpf.HookArgumentFlagsARGUMENT_AT_RETURN)
	if c.def.Arguments[place].Flags&late != 0 { // not so a result that is known at the entry
		compiled.Flags |= atReturn
	} else if row.subject == bpf.HookFilterSubjectSUBJECT_NUMBER && isNumber(c.def.Arguments[place].Kind) {
		compiled.Flags |= cheap
	}
	c.needs(place)
	return compiled, nil
}

// needs makes the kernel side read a place before the selectors are tried.
func (c *compiler) needs(place int) {
	if a := &c.def.Arguments[place]; !isNumber(a.Kind) {
		a.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_FILTERED)
	}
}

// operator compiles the operands.
func (c *compiler) operator(f policy.ArgumentFilter, row matchRow, place int, t *policy.ArgumentType) (compiled bpf.HookHookFilter, err error) {
	switch row.match {
	case bpf.HookFilterMatchMATCH_MASK:
		for _, mask := range f.Masks {
			compiled.Operand |= mask
		}
		if compiled.Operand == 0 { // CapabilitiesGained of any
			compiled.Operand = math.MaxUint64
		}
	case bpf.HookFilterMatchMATCH_ADDRESS:
		compiled.First, compiled.Count = c.addresses(f.Addresses)
	case bpf.HookFilterMatchMATCH_RANGE:
		ranges, err := c.ranges(f)
		if err != nil {
			return compiled, err
		}
		compiled = c.numberFilter(row.subject, place, false, t.Signed && row.subject == bpf.HookFilterSubjectSUBJECT_NUMBER, ranges)
	default:
		texts := f.Strings
		if t.Class == policy.ClassUnixAddress {
			texts = unixNames(texts, row.match == bpf.HookFilterMatchMATCH_EQUAL || row.match == bpf.HookFilterMatchMATCH_PREFIX)
		}
		compiled.First, compiled.Count = c.texts(texts, f.IgnoreCase)
		if f.IgnoreCase {
			compiled.Flags |= ignoreCase
		}
	}
	return compiled, nil
}

// ranges are a filter's, those of system calls and file types included.
func (c *compiler) ranges(f policy.ArgumentFilter) ([]policy.Range, error) {
	ranges := slices.Clone(f.Ranges)
	for _, call := range f.Syscalls {
		number, err := c.node.syscall(call.ABI, call.Name)
		if err != nil {
			return nil, err
		}
		ranges = append(ranges, policy.Range{Min: number, Max: number})
	}
	for _, t := range f.FileTypes {
		ranges = append(ranges, policy.Range{Min: uint64(t), Max: uint64(t)})
	}
	return ranges, nil
}

// compatBit marks the number of a system call of the ABI for 32 bits in the kernel side.
const compatBit = 1 << 32

// native and compat are the node's ABIs.
func (n *Node) abis() (native, compat syscalls.ABI) {
	if n.Registers.Architecture == "arm64" {
		return syscalls.ARM64, syscalls.ARM32
	}
	return syscalls.X64, syscalls.I386
}

// syscall is the number of a system call as the kernel side has it.
func (n *Node) syscall(abi syscalls.ABI, name string) (uint64, error) {
	native, compat := n.abis()
	if abi == syscalls.Native {
		abi = native
	}
	number, ok := syscalls.Number(abi, name)
	switch {
	case !ok || abi != native && abi != compat:
		return 0, fmt.Errorf("system call %s: this node (%s) has none of that name in ABI %s", name, n.Registers.Architecture, abi)
	case abi == compat:
		return uint64(number) | compatBit, nil
	}
	return uint64(number), nil
}

// unixNames are names of sockets as the kernel has them: an abstract one begins with a zero byte and not with @. The original
// compares abstract names without either; so what is compared from its first byte on and can't be an absolute path means the
// abstract name too.
func unixNames(shown []string, fromStart bool) (names []string) {
	for _, name := range shown {
		abstract, isAbstract := strings.CutPrefix(name, "@")
		if !isAbstract {
			names = append(names, name)
		}
		if isAbstract || fromStart && name != "" && name[0] != '/' && name[0] != 0 {
			names = append(names, "\x00"+abstract)
		}
	}
	return names
}

// texts stores texts and then what says where each begins and how long it is.
func (c *compiler) texts(texts []string, ignoreCase bool) (first, count uint32) {
	var descriptors []uint64
	for _, text := range texts {
		if ignoreCase {
			text = lower(text)
		}
		padded := append([]byte(text), make([]byte, word-1)...)
		var words []uint64
		for at := 0; at < len(text); at += word {
			words = append(words, binary.NativeEndian.Uint64(padded[at:]))
		}
		descriptors = append(descriptors, uint64(len(text))<<32|uint64(c.operands(words...)))
	}
	return c.operands(descriptors...), uint32(len(texts))
}

// lower makes ASCII letters small, as the kernel side does.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// addresses stores prefixes of IPv6, into which IPv4 is mapped: address and mask, two words each.
func (c *compiler) addresses(prefixes []netip.Prefix) (first, count uint32) {
	var words []uint64
	var apart []netip.Prefix
	for _, p := range prefixes {
		apart = append(apart, withoutIPv4(p)...)
	}
	for _, p := range apart {
		bits := p.Bits()
		if p.Addr().Is4() {
			bits += 96
		}
		address, mask := p.Addr().As16(), [16]byte{}
		for i := range bits {
			mask[i/8] |= 0x80 >> (i % 8)
		}
		for i := range address {
			address[i] &= mask[i]
		}
		for _, half := range [][]byte{address[:8], address[8:], mask[:8], mask[8:]} {
			words = append(words, binary.NativeEndian.Uint64(half))
		}
	}
	return c.operands(words...), uint32(len(apart))
}

// withoutIPv4 are the prefixes that a prefix of IPv6 falls into without what IPv4 is mapped to: ::/0 is no IPv4 address.
func withoutIPv4(p netip.Prefix) (all []netip.Prefix) {
	const mappedBits = 96
	mapped := netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff})
	if p.Addr().Is4() || p.Bits() >= mappedBits || !p.Contains(mapped) {
		return []netip.Prefix{p}
	}
	for bits := p.Bits(); bits < mappedBits; bits++ {
		beside := mapped.As16()
		beside[bits/8] ^= 0x80 >> (bits % 8)
		all = append(all, netip.PrefixFrom(netip.AddrFrom16(beside), bits+1).Masked())
	}
	return all
}
