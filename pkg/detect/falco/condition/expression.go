// SPDX-License-Identifier: Apache-2.0

package condition

// Expression is *And, *Or, *Not, *Check or *Macro. Offsets count bytes from the start of the text that was parsed.
type Expression interface {
	// Offset of the expression's first byte.
	Offset() int
}

// And holds if all of its terms do. There are at least two.
type And struct {
	Terms []Expression
	At    int
}

// Or holds if one of its terms does. There are at least two.
type Or struct {
	Terms []Expression
	At    int
}

// Not holds if Term does not. Term is not a *Not itself: two cancel each other out when they are read.
type Not struct {
	Term Expression
	At   int
}

// Macro is the name of a condition that is defined elsewhere.
type Macro struct {
	Name string
	At   int
}

// Check is one comparison of a value of the event.
type Check struct {
	// Left is a *Field or a *Call.
	Left Operand
	// Operator as in Operators, never ==, which is read as =.
	Operator string
	// Modifier is empty, oneof, anyof or allof.
	Modifier string
	// Values on the right-hand side; none if Right is set, and none for exists. Without List there is one.
	Values []Value
	// List says that the values stand in parentheses. A list operator without them has a single bare value, the name of a list.
	List bool
	// Right is a *Call on the right-hand side, or nil.
	Right Operand
	// At is the check's offset, OperatorAt that of its operator.
	At, OperatorAt int
}

// Offset implements Expression.
func (e *And) Offset() int { return e.At }

// Offset implements Expression.
func (e *Or) Offset() int { return e.At }

// Offset implements Expression.
func (e *Not) Offset() int { return e.At }

// Offset implements Expression.
func (e *Macro) Offset() int { return e.At }

// Offset implements Expression.
func (e *Check) Offset() int { return e.At }

// Operand is *Field, *Call, *Text or *Items.
type Operand interface {
	// Offset of the operand's first byte.
	Offset() int
}

// Field is a value of the event: evt.type, proc.aname[2].
type Field struct {
	Name string
	// Index between the brackets, without quotes; Indexed says that there are brackets.
	Index   string
	Indexed bool
	At      int
}

// Call is a transformer (a name of Transformers) or val, with its arguments.
type Call struct {
	Name      string
	Arguments []Operand
	At        int
}

// Text is a constant among the arguments of a transformer.
type Text struct{ Value }

// Items is a list among the arguments of a transformer.
type Items struct {
	Items []Operand
	At    int
}

// Value is a constant.
type Value struct {
	Text   string
	Quoted bool
	At     int
}

// Offset implements Operand.
func (o *Field) Offset() int { return o.At }

// Offset implements Operand.
func (o *Call) Offset() int { return o.At }

// Offset implements Operand.
func (o *Text) Offset() int { return o.At }

// Offset implements Operand.
func (o *Items) Offset() int { return o.At }
