// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"bytes"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

// expression is a regular expression.
type expression struct {
	source   string
	compiled *regexp.Regexp
	// instructions of Go's matcher.
	instructions int
	// atStart, atEnd: a match may depend on what stands before the text or after it.
	atStart, atEnd bool
}

func (x *expression) verdict(t *text, _ *Evaluator) verdict {
	matched := x.compiled.MatchString(t.raw)
	switch {
	case t.cut == 0:
		return known(matched)
	case matched && (t.cut&CutStart != 0 && x.atStart || t.cut&CutEnd != 0 && x.atEnd):
		return present
	case matched:
		return yes
	}
	return may
}

func (x *expression) key(to *strings.Builder) {
	to.WriteByte('R')
	writeKey(to, x.source)
}

func (*expression) cost() int { return costRegexp }

// longestProgram bounds the regular expressions of a rule together in instructions of Go's matcher, of which each takes time for each
// byte of a value.
const longestProgram = 10_000

// compileExpression compiles a pattern with flags (letters of i, m and s). The error says what Go's syntax lacks.
func compileExpression(pattern, flags string) (*expression, error) {
	source := pattern
	if flags != "" {
		source = "(?" + flags + ")" + pattern
	}
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, err
	}
	x := &expression{source: source}
	x.anchors(parsed)
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if x.instructions = len(program.Inst); x.instructions > longestProgram {
		return nil, &syntax.Error{Code: syntax.ErrLarge, Expr: pattern}
	}
	x.compiled, err = regexp.Compile(source)
	return x, err
}

// anchors finds what looks at the text's beginning and end. The parser bounds the depth.
func (x *expression) anchors(r *syntax.Regexp) {
	switch r.Op {
	case syntax.OpBeginLine, syntax.OpBeginText:
		x.atStart = true
	case syntax.OpEndLine, syntax.OpEndText:
		x.atEnd = true
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		x.atStart, x.atEnd = true, true
	}
	for _, sub := range r.Sub {
		x.anchors(sub)
	}
}

// network is a range of addresses.
type network struct{ netip.Prefix }

// parseNetwork reads an address range in CIDR form, or one address.
func parseNetwork(value string) (network, error) {
	if !strings.Contains(value, "/") {
		address, err := netip.ParseAddr(value)
		if err != nil {
			return network{}, err
		}
		address = address.Unmap().WithZone("")
		return network{netip.PrefixFrom(address, address.BitLen())}, nil
	}
	prefix, err := netip.ParsePrefix(value)
	if err != nil {
		return network{}, err
	}
	const mapped = 96 // bits before the IPv4 address that IPv6 has a form for
	if address := prefix.Addr(); address.Is4In6() && prefix.Bits() >= mapped {
		prefix = netip.PrefixFrom(address.Unmap(), prefix.Bits()-mapped)
	}
	return network{prefix.Masked()}, nil
}

func (n network) verdict(t *text, _ *Evaluator) verdict {
	if t.cut != 0 {
		return may
	}
	if !t.parsed {
		t.address, _ = netip.ParseAddr(t.raw)
		t.address, t.parsed = t.address.Unmap().WithZone(""), true
	}
	return known(n.Contains(t.address))
}

func (n network) key(to *strings.Builder) {
	to.WriteByte('N')
	writeKey(to, n.String())
}

func (network) cost() int { return costNumber }

// bound is a comparison with a number.
type bound struct {
	number   float64
	operator comparison
}

func (b bound) verdict(t *text, _ *Evaluator) verdict {
	if t.cut != 0 {
		return may
	}
	value, ok := decimal(t.raw)
	if !ok {
		return no
	}
	switch b.operator {
	case compareLess:
		return known(value < b.number)
	case compareLessOrEqual:
		return known(value <= b.number)
	case compareGreater:
		return known(value > b.number)
	}
	return known(value >= b.number)
}

// longestNumber in digits.
const longestNumber = 40

// decimal reads a number; values that are none are told without an error being made, which takes memory.
func decimal(value string) (float64, bool) {
	if value == "" || len(value) > longestNumber || strings.Trim(value, "+-.0123456789") != "" {
		return 0, false
	}
	number, err := strconv.ParseFloat(value, 64)
	return number, err == nil
}

func (b bound) key(to *strings.Builder) {
	to.WriteByte('B')
	to.WriteByte('0' + byte(b.operator))
	writeKey(to, strconv.FormatFloat(b.number, 'g', -1, 64))
}

func (bound) cost() int { return costNumber }

// reference compares with another field of the same record.
type reference struct {
	field      string
	comparison comparison
	cased      bool
}

func (r *reference) verdict(t *text, e *Evaluator) verdict {
	other := e.field(r.field)
	if other.unknown {
		return may
	}
	result := no
	for i := range other.texts {
		with := &other.texts[i]
		matched := r.compare(t, with)
		switch {
		case matched && with.claimed:
			result |= claimed
		case t.cut|with.cut == 0:
			result |= known(matched)
		case matched:
			result |= present
		default:
			result |= may
		}
	}
	return result
}

func (r *reference) compare(t, with *text) bool {
	value, other := t.lower, with.lower
	if r.cased {
		value, other = t.bytes(), with.bytes()
	}
	switch r.comparison {
	case compareContains:
		return bytes.Contains(value, other)
	case compareStart:
		return bytes.HasPrefix(value, other)
	case compareEnd:
		return bytes.HasSuffix(value, other)
	}
	return bytes.Equal(value, other)
}

func (r *reference) key(to *strings.Builder) {
	to.WriteByte('F')
	to.WriteByte('0' + byte(r.comparison))
	to.WriteByte("-+"[boolIndex(r.cased)])
	writeKey(to, r.field)
}

func (*reference) cost() int { return costSearch }
