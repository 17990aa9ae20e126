// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// longestText of a value in bytes: the kernel's PATH_MAX, and what a string argument carries at most.
const longestText = 4096

// operandParser parses the values of one filter for a type.
type operandParser struct {
	typ *ArgumentType
	out Operands
	err error
}

func (p *operandParser) fail(format string, args ...any) { p.err = fmt.Errorf(format, args...) }

// Typed parses the values of a filter whose argument has type auto, now that the kernel's type information says what it is.
func (f ArgumentFilter) Typed(t *ArgumentType) (ArgumentFilter, error) {
	o := lookupOperator(f.Operator)
	if o == nil {
		return f, fmt.Errorf("%s: unknown operator %s", f.Position, f.Operator)
	}
	form := o.form(t)
	if form == nil {
		return f, fmt.Errorf("%s: %s does not compare type %s, only %s", f.Position, o.name, t, o.fits())
	}
	f.Match = form.match
	p := operandParser{typ: t, out: f.Operands}
	var errs []error
	for _, raw := range f.Raw {
		if p.err = nil; form.parse != nil && !(o.lists && strings.HasPrefix(raw, listPrefix)) { // system calls: Syscalls has them
			form.parse(&p, raw)
		}
		if p.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Position, p.err))
		}
	}
	f.Operands = p.out
	return f, errors.Join(errs...)
}

// number parses an integer of the parser's type: decimal, 0x, 0o, 0b or 0 for octal, or the name of a capability.
func (p *operandParser) number(text string) (uint64, bool) {
	t := p.typ
	if t.Class == ClassCapability {
		if n, ok := capabilities.lookup(text); ok {
			return n, true
		}
	}
	if t.Class == ClassCapabilities {
		if n, ok := capabilities.lookup(text); ok {
			return 1 << n, true
		}
	}
	var n uint64
	var err error
	if t.Signed {
		var signed int64
		signed, err = strconv.ParseInt(text, 0, t.Bits)
		n = uint64(signed)
	} else {
		n, err = strconv.ParseUint(text, 0, t.Bits)
	}
	low, high := limits(t)
	switch {
	case err == nil:
		return n, true
	case errors.Is(err, strconv.ErrRange) || !t.Signed && strings.HasPrefix(text, "-"):
		p.fail("%s is out of range for type %s: %s to %s", shown(text), t, show(t, low), show(t, high))
	case t.Class&(ClassCapability|ClassCapabilities) != 0:
		p.fail("%s is neither a number nor a capability%s", shown(text), DidYouMean(text, capabilities.names()))
	default:
		p.fail("%s is not a number (decimal, 0x… or 0…)", shown(text))
	}
	return 0, false
}

// limits of a type's values.
func limits(t *ArgumentType) (low, high uint64) {
	if t.Signed {
		return uint64(int64(math.MinInt64) >> (64 - t.Bits)), uint64(math.MaxInt64) >> (64 - t.Bits)
	}
	return 0, uint64(math.MaxUint64) >> (64 - t.Bits)
}

// show writes a number as its type does.
func show(t *ArgumentType, n uint64) string {
	if t.Signed {
		return strconv.FormatInt(int64(n), 10)
	}
	return strconv.FormatUint(n, 10)
}

func less(t *ArgumentType, a, b uint64) bool {
	if t.Signed {
		return int64(a) < int64(b)
	}
	return a < b
}

func (p *operandParser) add(r Range) { p.out.Ranges = append(p.out.Ranges, r) }

// syscall parses the name of a system call where the argument is one; false if the value is something else.
func (p *operandParser) syscall(text string) bool {
	if _, named := parseSyscall(text); !named || p.typ.Class != ClassSyscall {
		return false
	}
	call, err := checkedSyscall(text)
	p.out.Syscalls = append(p.out.Syscalls, Syscall{call.ABI, call.Syscall})
	p.err = err
	return true
}

func parseNumber(p *operandParser, text string) {
	if p.syscall(text) {
		return
	}
	if n, ok := p.number(text); ok {
		p.add(Range{n, n})
	}
}

// bound is an end of a range. Policies give an int the limits of 32 bits without a sign; so one that the type cannot have, in
// 64 bits with or without a sign, is the last value that it can, and beyond says on which side it was: -1 below, 1 above.
func (p *operandParser) bound(text string) (n uint64, beyond int, ok bool) {
	if n, ok = p.number(text); ok {
		return n, 0, true
	}
	low, high := limits(p.typ)
	if signed, err := strconv.ParseInt(text, 0, 64); err == nil && signed < 0 {
		p.err = nil
		return low, -1, true
	}
	if _, err := strconv.ParseUint(text, 0, 64); err == nil {
		p.err = nil
		return high, 1, true
	}
	return 0, 0, false
}

// parseRange accepts min:max and one number. The original swaps the ends where they are the wrong way round; so does this.
func parseRange(p *operandParser, text string) {
	first, second, both := strings.Cut(text, ":")
	if !both {
		parseNumber(p, text)
		return
	}
	low, belowLow, ok := p.bound(first)
	if !ok {
		return
	}
	high, aboveHigh, ok := p.bound(second)
	if !ok {
		return
	}
	if belowLow != 0 && belowLow == aboveHigh {
		least, most := limits(p.typ)
		p.fail("%s has no value of type %s: %s to %s", shown(text), p.typ, show(p.typ, least), show(p.typ, most))
		return
	}
	if less(p.typ, high, low) {
		low, high = high, low
	}
	p.add(Range{low, high})
}

func parseGreater(p *operandParser, text string) {
	n, beyond, ok := p.bound(text)
	low, high := limits(p.typ)
	switch {
	case !ok:
	case beyond < 0:
		p.add(Range{low, high})
	case n == high:
		p.fail("no value of type %s is greater than %s", p.typ, text)
	default:
		p.add(Range{n + 1, high})
	}
}

func parseLess(p *operandParser, text string) {
	n, beyond, ok := p.bound(text)
	low, high := limits(p.typ)
	switch {
	case !ok:
	case beyond > 0:
		p.add(Range{low, high})
	case n == low:
		p.fail("no value of type %s is less than %s", p.typ, text)
	default:
		p.add(Range{low, n - 1})
	}
}

// parseMask takes the bits as unsigned, whatever the type: 0x80000000 is a bit of an int.
func parseMask(p *operandParser, text string) {
	signed := p.typ
	if unsigned := *signed; !strings.HasPrefix(text, "-") {
		unsigned.Signed = false
		p.typ = &unsigned
	}
	n, ok := p.number(text)
	p.typ = signed
	switch {
	case !ok:
	case n == 0:
		p.fail("mask 0 has no bit, nothing would ever match")
	default:
		p.out.Masks = append(p.out.Masks, n&(math.MaxUint64>>(64-signed.Bits)))
	}
}

// parseText accepts what an argument can be as a whole. A NUL at the end is what policies copied from C have.
func parseText(p *operandParser, text string) {
	if p.typ.Class != ClassBytes {
		text = strings.TrimSuffix(text, "\x00")
		if strings.Contains(text, "\x00") {
			p.fail("%s: text of type %s ends at the first NUL", shown(text), p.typ)
			return
		}
	}
	if len(text) > longestText {
		p.fail("the text has %d bytes, at most %d can be compared", len(text), longestText)
		return
	}
	p.out.Strings = append(p.out.Strings, text)
}

// parsePart is for text that an argument begins with, ends with or contains: empty text would be in all.
func parsePart(p *operandParser, text string) {
	if strings.TrimSuffix(text, "\x00") == "" {
		p.fail("the text is empty: every argument would match")
		return
	}
	parseText(p, text)
}

func parsePartIgnoringCase(p *operandParser, text string) {
	p.out.IgnoreCase = true
	parsePart(p, text)
}

func parsePort(p *operandParser, text string) {
	first, second, both := strings.Cut(text, ":")
	if !both {
		second = first
	}
	low, err := strconv.ParseUint(first, 10, 16)
	high, err2 := strconv.ParseUint(second, 10, 16)
	switch {
	case err != nil || err2 != nil:
		p.fail("%s is not a port: want 0 to 65535, or two as first:last", shown(text))
	case low > high:
		p.fail("%s: the first port is above the last", shown(text))
	default:
		p.add(Range{low, high})
	}
}

// parseAddress accepts an address or a prefix; bits of a prefix outside of its length don't count, as in the original.
func parseAddress(p *operandParser, text string) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr.Zone() == "" {
			addr = addr.Unmap()
			p.out.Addresses = append(p.out.Addresses, netip.PrefixFrom(addr, addr.BitLen()))
			return
		}
	} else if prefix, err := netip.ParsePrefix(text); err == nil {
		p.out.Addresses = append(p.out.Addresses, prefix.Masked())
		return
	}
	if strings.HasPrefix(text, "${") { // as in documented policies, whose readers are told to fill them in
		p.fail("%s is not filled in: run and enforce do that on a cluster, for ${%s} and ${%s}; else write the networks", shown(text), PodNetworks, ServiceNetworks)
		return
	}
	p.fail("%s is neither an IP address nor a CIDR (192.0.2.0/24, 2001:db8::/32)", shown(text))
}

// named parses names of a vocabulary, numbers, and ranges of numbers.
func named(v *vocabulary, highest uint64) func(*operandParser, string) {
	return func(p *operandParser, text string) {
		if n, ok := v.lookup(text); ok {
			p.add(Range{n, n})
			return
		}
		first, second, both := strings.Cut(text, ":")
		if !both {
			second = first
		}
		low, err := strconv.ParseUint(first, 0, 64)
		high, err2 := strconv.ParseUint(second, 0, 64)
		switch {
		case err != nil || err2 != nil:
			p.fail("unknown name %s%s", shown(text), DidYouMean(text, v.names()))
		case low > high || high > highest:
			p.fail("%s is out of range: 0 to %d", shown(text), highest)
		default:
			p.add(Range{low, high})
		}
	}
}

func parseCapability(p *operandParser, text string) {
	n, ok := capabilities.lookup(text)
	if !ok {
		p.fail("unknown capability %s%s", shown(text), DidYouMean(text, capabilities.names()))
		return
	}
	if len(p.out.Masks) == 0 {
		p.out.Masks = []uint64{0}
	}
	p.out.Masks[0] |= 1 << n
}

func parseFileType(p *operandParser, text string) {
	n, ok := fileTypes.lookup(text)
	if !ok {
		p.fail("unknown file type %s%s", shown(text), DidYouMean(text, fileTypes.names()))
		return
	}
	p.out.FileTypes = append(p.out.FileTypes, uint32(n))
}
