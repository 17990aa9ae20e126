// SPDX-License-Identifier: Apache-2.0

package condition

import "slices"

// Right is what may stand at the right-hand side of an operator.
type Right int

// The right-hand sides.
const (
	// RightNone: nothing.
	RightNone Right = iota
	// RightNumber: a decimal number.
	RightNumber
	// RightText: one value, or a modifier and a list.
	RightText
	// RightList: a list, or the name of one.
	RightList
)

// operators in the order in which they are tried: one that begins with another stands before it.
var operators = []struct {
	name  string
	right Right
}{
	{"exists", RightNone},
	{"<=", RightNumber}, {"<", RightNumber}, {">=", RightNumber}, {">", RightNumber},
	{"==", RightText}, {"=", RightText}, {"!=", RightText},
	{"contains", RightText}, {"icontains", RightText}, {"bcontains", RightText},
	{"startswith", RightText}, {"bstartswith", RightText}, {"endswith", RightText},
	{"glob", RightText}, {"iglob", RightText}, {"regex", RightText},
	{"intersects", RightList}, {"in", RightList}, {"pmatch", RightList},
}

// Operators are the words and signs that compare, == among them.
func Operators() []string {
	names := make([]string, len(operators))
	for i, o := range operators {
		names[i] = o.name
	}
	return names
}

// RightOf says what stands on the right of an operator; false if there is no such operator.
func RightOf(operator string) (Right, bool) {
	for _, o := range operators {
		if o.name == operator {
			return o.right, true
		}
	}
	return RightNone, false
}

// Modifiers make a text operator compare with a list of values.
const (
	OneOf = "oneof"
	AnyOf = "anyof"
	AllOf = "allof"
)

// Val is the name of the call that stands for a field on the right-hand side.
const Val = "val"

// Parameters is what a transformer takes.
type Parameters int

// The parameters of transformers.
const (
	// OneOperand: a field or another transformer.
	OneOperand Parameters = iota
	// TextThenItems: a quoted text, and a list.
	TextThenItems
	// AnyItems: one or more fields, transformers and texts.
	AnyItems
	// ItemsThenText: a list, and a quoted text.
	ItemsThenText
)

// transformers by name.
var transformers = map[string]Parameters{
	"tolower": OneOperand, "toupper": OneOperand, "b64": OneOperand, "basename": OneOperand, "len": OneOperand,
	"join": TextThenItems, "concat": AnyItems, "getopt": ItemsThenText,
}

// Transformers are the names of what can be done to a value before it is compared.
func Transformers() []string {
	names := make([]string, 0, len(transformers))
	for name := range transformers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// IsTransformer says whether name is one of Transformers.
func IsTransformer(name string) bool {
	_, known := transformers[name]
	return known
}
