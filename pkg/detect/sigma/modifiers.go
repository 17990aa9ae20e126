// SPDX-License-Identifier: Apache-2.0

package sigma

import "slices"

// comparison is how an item compares.
type comparison uint8

const (
	// compareEqual is what an item without a modifier does.
	compareEqual comparison = iota
	compareContains
	compareStart
	compareEnd
	compareRegexp
	compareCIDR
	compareExists
	compareLess
	compareLessOrEqual
	compareGreater
	compareGreaterOrEqual
)

// modifier is one row of the table of modifiers. Of its other fields one is set.
type modifier struct {
	name string
	// compares: the way to compare, of which an item has one; nil for others.
	compares *comparison
	// changes the values before they are compared as text.
	changes transform
	// regexpFlag is a letter that Go's regular expressions know too, which follows re.
	regexpFlag byte
	// sets something else of an item.
	sets func(*itemModifiers)
	// refused is a message: the modifier is known, but not for this product.
	refused string
}

// itemModifiers are what the modifiers of an item say together.
type itemModifiers struct {
	comparison comparison
	// compared is the name of the modifier that set the comparison, empty if none did.
	compared    string
	transforms  []namedTransform
	regexpFlags string
	// all: of several values each must match; neq: the item is true where it would be false; cased: with regard to case.
	all, neq, cased bool
	// reference: values are the names of fields to compare with.
	reference bool
}

type namedTransform struct {
	name  string
	apply transform
}

// modifiers is the table of what may stand after a field's name. A name that it lacks is unknown.
var modifiers = []modifier{
	{name: "contains", compares: new(compareContains)},
	{name: "startswith", compares: new(compareStart)},
	{name: "endswith", compares: new(compareEnd)},
	{name: "re", compares: new(compareRegexp)},
	{name: "cidr", compares: new(compareCIDR)},
	{name: "exists", compares: new(compareExists)},
	{name: "lt", compares: new(compareLess)},
	{name: "lte", compares: new(compareLessOrEqual)},
	{name: "gt", compares: new(compareGreater)},
	{name: "gte", compares: new(compareGreaterOrEqual)},

	{name: "i", regexpFlag: 'i'},
	{name: "m", regexpFlag: 'm'},
	{name: "s", regexpFlag: 's'},

	{name: "windash", changes: windash},
	{name: "wide", changes: utf16Form{}.encode},
	{name: "utf16le", changes: utf16Form{}.encode},
	{name: "utf16be", changes: utf16Form{big: true}.encode},
	{name: "utf16", changes: utf16Form{mark: true}.encode},
	{name: "base64", changes: encodeBase64},
	{name: "base64offset", changes: encodeBase64Offset},

	{name: "all", sets: func(m *itemModifiers) { m.all = true }},
	{name: "neq", sets: func(m *itemModifiers) { m.neq = true }},
	{name: "cased", sets: func(m *itemModifiers) { m.cased = true }},
	{name: "fieldref", sets: func(m *itemModifiers) { m.reference = true }},

	{name: "expand", refused: "expand needs values for placeholders, of which there are none here"},
}

// Modifiers are the names that a rule may use, in the order of the table.
func Modifiers() (names []string) {
	for _, m := range modifiers {
		if m.refused == "" {
			names = append(names, m.name)
		}
	}
	return names
}

// comparesText says whether values are texts with wildcards.
func (c comparison) comparesText() bool { return c <= compareEnd }

// add takes a row of the table into account; the answer is what is wrong with it there, empty if nothing is.
func (m *itemModifiers) add(row *modifier) string {
	switch {
	case row.compares != nil && m.compared != "":
		return row.name + " cannot stand beside " + m.compared + ": an item compares in one way"
	case row.compares != nil:
		m.comparison, m.compared = *row.compares, row.name
	case row.regexpFlag != 0 && m.comparison != compareRegexp:
		return row.name + " is a flag of re, and must stand after it"
	case row.regexpFlag != 0:
		m.regexpFlags += string(row.regexpFlag)
	case row.changes != nil && m.compared != "":
		return row.name + " changes values, and must stand before " + m.compared
	case row.changes != nil:
		m.transforms = append(m.transforms, namedTransform{row.name, row.changes})
	default:
		row.sets(m)
	}
	return ""
}

// conflict says what of the modifiers does not go together, empty if all does.
func (m *itemModifiers) conflict() string {
	if !m.comparison.comparesText() {
		switch {
		case len(m.transforms) > 0:
			return m.transforms[0].name + " cannot stand beside " + m.compared
		case m.cased && m.comparison != compareRegexp:
			return "cased cannot stand beside " + m.compared
		case m.reference:
			return "fieldref cannot stand beside " + m.compared
		}
	}
	switch {
	case m.reference && len(m.transforms) > 0:
		return "fieldref cannot stand beside " + m.transforms[0].name
	case m.neq && m.all:
		return "neq and all cannot stand together: write the item with all and not in the condition"
	case m.comparison == compareExists && (m.neq || m.all):
		return "exists has no other modifier beside it: its value is true or false"
	}
	return ""
}

func modifierNamed(name string) *modifier {
	at := slices.IndexFunc(modifiers, func(m modifier) bool { return m.name == name })
	if at < 0 {
		return nil
	}
	return &modifiers[at]
}
