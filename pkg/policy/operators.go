// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// Match is a way to compare: what the many operators come down to.
type Match uint8

// The ways, with the operand that each has.
const (
	// MatchLater: the argument's type is Auto, see ArgumentFilter.Typed.
	MatchLater Match = iota
	// MatchRange: the number is in one of Ranges, or the number of one of Syscalls.
	MatchRange
	// MatchMask: the number has a bit in common with one of Masks.
	MatchMask
	// MatchEqual, MatchPrefix, MatchPostfix, MatchSubstring: the text is, begins with, ends with, contains one of Strings.
	MatchEqual
	MatchPrefix
	MatchPostfix
	MatchSubstring
	// MatchSource, MatchDestination: the address is in one of Addresses.
	MatchSource
	MatchDestination
	// MatchSourcePort, MatchDestinationPort, MatchProtocol, MatchFamily, MatchState: the number is in one of Ranges.
	MatchSourcePort
	MatchDestinationPort
	MatchProtocol
	MatchFamily
	MatchState
	// MatchGained: the second set has a capability that the first has not, one of Masks[0] if that is not 0.
	MatchGained
	// MatchExpression: Expression is true.
	MatchExpression
	// MatchFileType: the file's type is one of FileTypes.
	MatchFileType
)

// Classes that operators have in common.
const (
	numbers  = ClassNumber | ClassCapability | ClassCapabilities | ClassSyscall
	texts    = ClassText | ClassBytes | ClassFile | ClassUnixAddress
	twoEnded = ClassSocket | ClassPacket
	oneEnded = twoEnded | ClassAddress
)

// anyCount is the highest number of values of most operators.
const anyCount = 1 << 20

// form is what an operator does with a class of types.
type form struct {
	classes Class
	match   Match
	parse   func(*operandParser, string)
}

// operator is one row of the vocabulary of matchArgs[].operator.
type operator struct {
	name    string
	aliases []string
	negated bool
	forms   []form
	// least and most values.
	least, most int
	// lists: values may be list:NAME.
	lists bool
	// arguments that it compares.
	arguments int
}

// operators in the CRD's order. Each is accepted in any case, so lower-case forms need no rows.
var operators = []operator{
	{name: "Equal", aliases: []string{"eq"}, forms: equal, least: 1, most: anyCount, arguments: 1},
	{name: "NotEqual", aliases: []string{"neq"}, negated: true, forms: equal, least: 1, most: anyCount, arguments: 1},
	{name: "Prefix", forms: prefix, least: 1, most: anyCount, arguments: 1},
	{name: "NotPrefix", negated: true, forms: prefix, least: 1, most: anyCount, arguments: 1},
	{name: "Postfix", forms: postfix, least: 1, most: anyCount, arguments: 1},
	{name: "NotPostfix", negated: true, forms: postfix, least: 1, most: anyCount, arguments: 1},
	{name: "SubString", forms: []form{{texts, MatchSubstring, parsePart}}, least: 1, most: anyCount, arguments: 1},
	{name: "SubStringIgnCase", aliases: []string{"SubStringIgnoreCase"}, forms: []form{{texts, MatchSubstring, parsePartIgnoringCase}}, least: 1, most: anyCount, arguments: 1},
	{name: "GreaterThan", aliases: []string{"GT"}, forms: []form{{numbers, MatchRange, parseGreater}}, least: 1, most: 1, arguments: 1},
	{name: "LessThan", aliases: []string{"LT"}, forms: []form{{numbers, MatchRange, parseLess}}, least: 1, most: 1, arguments: 1},
	{name: "InRange", forms: ranges, least: 1, most: anyCount, arguments: 1},
	{name: "NotInRange", negated: true, forms: ranges, least: 1, most: anyCount, arguments: 1},
	{name: "InMap", forms: ranges, least: 1, most: anyCount, lists: true, arguments: 1},
	{name: "NotInMap", negated: true, forms: ranges, least: 1, most: anyCount, lists: true, arguments: 1},
	{name: "Mask", forms: []form{{numbers, MatchMask, parseMask}}, least: 1, most: anyCount, arguments: 1},
	{name: "SPort", forms: sourcePort, least: 1, most: anyCount, arguments: 1},
	{name: "NotSPort", negated: true, forms: sourcePort, least: 1, most: anyCount, arguments: 1},
	{name: "SPortPriv", forms: sourcePort, arguments: 1},
	{name: "NotSPortPriv", negated: true, forms: sourcePort, arguments: 1},
	{name: "DPort", forms: destinationPort, least: 1, most: anyCount, arguments: 1},
	{name: "NotDPort", negated: true, forms: destinationPort, least: 1, most: anyCount, arguments: 1},
	{name: "DPortPriv", forms: destinationPort, arguments: 1},
	{name: "NotDPortPriv", negated: true, forms: destinationPort, arguments: 1},
	{name: "SAddr", forms: source, least: 1, most: anyCount, arguments: 1},
	{name: "NotSAddr", negated: true, forms: source, least: 1, most: anyCount, arguments: 1},
	{name: "DAddr", forms: destination, least: 1, most: anyCount, arguments: 1},
	{name: "NotDAddr", negated: true, forms: destination, least: 1, most: anyCount, arguments: 1},
	{name: "Protocol", forms: []form{{twoEnded, MatchProtocol, named(protocols, 0xffff)}}, least: 1, most: anyCount, arguments: 1},
	{name: "Family", forms: []form{{oneEnded | ClassUnixAddress, MatchFamily, named(families, 0xffff)}}, least: 1, most: anyCount, arguments: 1},
	{name: "State", forms: []form{{ClassSocket, MatchState, named(states, 0xff)}}, least: 1, most: anyCount, arguments: 1},
	{name: "CapabilitiesGained", forms: []form{{ClassCapabilities, MatchGained, parseCapability}}, most: anyCount, arguments: 2},
	{name: "CelExpr", forms: []form{{ClassNumber, MatchExpression, nil}}, least: 1, most: 1},
	{name: "FileType", forms: []form{{ClassFile, MatchFileType, parseFileType}}, least: 1, most: anyCount, arguments: 1},
	{name: "NotFileType", negated: true, forms: []form{{ClassFile, MatchFileType, parseFileType}}, least: 1, most: anyCount, arguments: 1},
}

// Forms that an operator shares with its negation.
var (
	equal           = []form{{numbers, MatchRange, parseNumber}, {texts, MatchEqual, parseText}}
	prefix          = []form{{texts, MatchPrefix, parsePart}}
	postfix         = []form{{texts, MatchPostfix, parsePart}}
	ranges          = []form{{numbers, MatchRange, parseRange}}
	sourcePort      = []form{{oneEnded, MatchSourcePort, parsePort}}
	destinationPort = []form{{twoEnded, MatchDestinationPort, parsePort}}
	source          = []form{{oneEnded, MatchSource, parseAddress}}
	destination     = []form{{twoEnded, MatchDestination, parseAddress}}
)

// privileged ports, the operand of the operators without values.
var privileged = Range{0, 1023}

func lookupOperator(name string) *operator {
	for i := range operators {
		o := &operators[i]
		if strings.EqualFold(o.name, name) || slices.ContainsFunc(o.aliases, func(a string) bool { return strings.EqualFold(a, name) }) {
			return o
		}
	}
	return nil
}

func operatorNames() (names []string) {
	for i := range operators {
		names = append(append(names, operators[i].name), operators[i].aliases...)
	}
	return names
}

// form returns what the operator does with a type; nil if nothing.
func (o *operator) form(t *ArgumentType) *form {
	for i := range o.forms {
		if o.forms[i].classes&t.Class != 0 {
			return &o.forms[i]
		}
	}
	return nil
}

// fits lists the types that it compares, for messages.
func (o *operator) fits() string {
	var classes Class
	for _, f := range o.forms {
		classes |= f.classes
	}
	return strings.Join(typeNames(classes), ", ")
}
