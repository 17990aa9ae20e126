// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// filterReading is the state of reading one argument filter.
type filterReading struct {
	*selectorReading
	of       filterOf
	filter   *ArgumentFilter
	operator *operator
	// types of the arguments in filter.Args.
	types []*ArgumentType
	// positions: args names at least one.
	positions bool
}

var filterFields = []field[filterReading]{
	{name: "operator", required: true, read: func(c cursor, f *filterReading) {
		text, ok := c.text()
		if f.operator = lookupOperator(text); f.operator != nil {
			f.filter.Operator, f.filter.Negated = f.operator.name, f.operator.negated
		} else if ok {
			c.fail("unknown operator %s%s", shown(text), DidYouMean(text, operatorNames()))
		}
	}},
	{name: "index", read: func(c cursor, f *filterReading) {
		f.filter.Args, f.types = nil, nil
		f.argument(c, f.of.find)
	}},
	{name: "args", read: func(c cursor, f *filterReading) { f.listed(c) }},
	{name: "values", read: func(c cursor, f *filterReading) { f.values(c) }},
}

// argument adds one that the filter names by a number.
func (f *filterReading) argument(c cursor, find func(*Hook, int) (int, error)) {
	number, ok := c.index()
	if !ok || f.hook == nil {
		return
	}
	place, err := find(f.hook, number)
	if err != nil {
		c.fail("%v", err)
		return
	}
	f.add(place)
}

func (f *filterReading) add(place int) {
	f.filter.Args = append(f.filter.Args, place)
	f.types = append(f.types, f.of.args(f.hook)[place].Type)
}

// listed reads args. The original does not look at an index beside it; here both have to name the same, but for an
// expression, which has no use for an index.
func (f *filterReading) listed(c cursor) {
	indexed := f.filter.Args
	c.items(func(item cursor) {
		if !f.positions {
			f.positions, f.filter.Args, f.types = true, nil, nil
		}
		f.argument(item, f.of.at)
	})
	isExpression := f.operator != nil && f.operator.forms[0].match == MatchExpression
	if f.positions && !isExpression && len(indexed) > 0 && len(f.filter.Args) > 0 && indexed[0] != f.filter.Args[0] {
		c.fail("args, which counts places from 0, names %s[%d], and index names %s[%d]: leave out one of the two",
			f.of.what, f.filter.Args[0], f.of.what, indexed[0])
	}
}

func (s *selectorReading) argumentFilters(c cursor, to *[]ArgumentFilter, of filterOf) {
	c.items(func(item cursor) {
		f := filterReading{selectorReading: s, of: of, filter: &ArgumentFilter{Position: item.position()}}
		before := len(*c.problems)
		if s.hook != nil && len(of.args(s.hook)) == 1 { // it need not be named
			f.add(0)
		}
		seen := object(item, filterFields, &f)
		if f.operator != nil && len(*c.problems) == before {
			f.check(item, seen)
		}
		*to = append(*to, *f.filter)
	})
}

// check looks at what depends on more than one field.
func (f *filterReading) check(c cursor, seen given) {
	o := f.operator
	switch {
	case !seen.has("values") && o.least > 0:
		c.fail("values is missing")
	case f.hook == nil: // a macro without a hook: nothing is known about arguments
	case o.forms[0].match == MatchExpression:
		f.filter.Match = MatchExpression
		f.filter.Args = nil // an expression names its arguments itself
	case len(f.filter.Args) != o.arguments:
		name := "index"
		if o.arguments > 1 {
			name = "args"
		}
		c.fail("%s compares %d, not %d: want %s", o.name, o.arguments, len(f.filter.Args), name)
	default:
		f.resolveMatch(seen)
	}
}

// resolveMatch finds how the operator compares the arguments' types.
func (f *filterReading) resolveMatch(seen given) {
	for _, t := range f.types {
		if t.Class == ClassAuto {
			f.filter.Match = MatchLater
			return
		}
		form := f.operator.form(t)
		if form == nil {
			seen["operator"].fail("%s does not compare type %s, only %s", f.operator.name, t, f.operator.fits())
			return
		}
		f.filter.Match = form.match
	}
	if strings.HasSuffix(f.operator.name, "Priv") {
		f.filter.Ranges = []Range{privileged}
	}
}

// values parses each value for the first argument's type.
func (f *filterReading) values(c cursor) {
	if f.operator == nil {
		c.texts() // for what can be wrong with any values
		return
	}
	n := c.items(f.value)
	switch o := f.operator; {
	case n < o.least:
		c.fail("values is empty")
	case n > o.most && o.most == 0:
		c.fail("%s takes no values", o.name)
	case n > o.most:
		c.fail("%s takes %d value, got %d", o.name, o.most, n)
	}
}

func (f *filterReading) value(c cursor) {
	text, ok := c.text()
	if !ok {
		return
	}
	name, isList := strings.CutPrefix(text, listPrefix)
	switch o := f.operator; {
	case isList && o.lists:
		f.list(c, name)
	case isList && len(f.types) > 0 && f.types[0].Class&numbers != 0:
		c.fail("lists are for InMap and NotInMap")
	case o.forms[0].match == MatchExpression:
		f.expression(c, text)
	default:
		f.parse(c, text)
	}
}

func (f *filterReading) expression(c cursor, text string) {
	f.filter.Raw = append(f.filter.Raw, text)
	if f.hook == nil {
		return
	}
	e, err := parseExpression(text, f.of.args(f.hook), f.named())
	if err != nil {
		c.fail("%v", err)
	}
	f.filter.Expression = e
}

// named are the places of arg0, arg1 and so on of an expression: those that args lists; without it all, in their order.
func (f *filterReading) named() (places []int) {
	if f.positions {
		return f.filter.Args
	}
	for i := range f.of.args(f.hook) {
		places = append(places, i)
	}
	return places
}

// parse reads a value as the argument's type and the operator say. Without a type it waits, see ArgumentFilter.Typed.
func (f *filterReading) parse(c cursor, text string) {
	f.filter.Raw = append(f.filter.Raw, text)
	if len(f.types) == 0 {
		return
	}
	form := f.operator.form(f.types[0])
	if form == nil || form.parse == nil {
		return // reported with the operator, or later
	}
	p := operandParser{typ: f.types[0], out: f.filter.Operands}
	form.parse(&p, text)
	if p.err != nil {
		c.fail("%v", p.err)
	}
	f.filter.Operands = p.out
}

// list adds the values of a list: system calls by name, others as if they stood here.
func (f *filterReading) list(c cursor, name string) {
	l := f.reading.list(c, name)
	switch {
	case l == nil:
	case l.kind == patternList:
		c.fail("list %s holds functions, no values", name)
	case l.ofSyscalls():
		if len(f.types) > 0 && f.types[0].Class&(ClassSyscall|ClassAuto) == 0 && f.types[0].Bits < 32 {
			c.fail("list %s holds system calls: want an argument of type syscall64, not %s", name, f.types[0])
			return
		}
		f.filter.Raw = append(f.filter.Raw, listPrefix+name)
		for _, call := range l.calls {
			f.filter.Syscalls = append(f.filter.Syscalls, Syscall{call.ABI, call.Syscall})
		}
	default:
		for _, value := range l.values {
			if text, ok := value.text(); ok {
				f.parse(value, text)
			}
		}
	}
}
