// SPDX-License-Identifier: Apache-2.0

package catalog

import "slices"

// Type of a field's value.
type Type int

// The types.
const (
	// Text: bytes, mostly a name or a command line.
	Text Type = iota
	// Path: a text that has a lexical and a resolved form.
	Path
	// Number: a signed 64-bit number; the field says of what.
	Number
	// Bool: true or false.
	Bool
	// Address: one IP address, or both of a connection's.
	Address
	// Network: as Address, compared with prefixes.
	Network
	// Port: one port, or both of a connection's.
	Port
	// HostName: the names that are known for an address.
	HostName
	// Buffer: bytes that were sent or received.
	Buffer
	// TextList: any number of texts.
	TextList
)

// typeRows has for each type its name in messages and the operators that it allows.
var typeRows = [...]struct {
	name      string
	operators []string
}{
	Text:     {"text", textOperators},
	Path:     {"path", textOperators},
	Number:   {"number", []string{"=", "!=", "<", "<=", ">", ">=", "in", "intersects", "exists"}},
	Bool:     {"boolean", equalityOperators},
	Address:  {"IP address", equalityOperators},
	Network:  {"network", equalityOperators},
	Port:     {"port", []string{"=", "!=", "<", "<=", ">", ">=", "in", "intersects", "exists"}},
	HostName: {"host name", []string{"=", "!=", "in", "exists"}},
	Buffer: {"buffer", []string{
		"=", "!=", "in", "intersects", "exists", "contains", "icontains", "startswith", "endswith", "bcontains", "bstartswith",
	}},
	TextList: {"list", []string{"in", "intersects", "exists"}},
}

var equalityOperators = []string{"=", "!=", "in", "intersects", "exists"}

var textOperators = []string{
	"=", "!=", "<", "<=", ">", ">=", "in", "intersects", "exists", "contains", "icontains", "startswith", "endswith", "glob", "iglob",
	"regex", "pmatch",
}

// String is the type's name in messages.
func (t Type) String() string { return typeRows[t].name }

// Operators that the type allows.
func (t Type) Operators() []string { return slices.Clone(typeRows[t].operators) }

// Allows says whether a value of the type can be compared by an operator.
func (t Type) Allows(operator string) bool { return slices.Contains(typeRows[t].operators, operator) }

// IsText says whether a value is one text: those are what transformers take.
func (t Type) IsText() bool { return t == Text || t == Path }
