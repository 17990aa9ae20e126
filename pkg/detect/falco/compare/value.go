// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"net/netip"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
)

// State says whether a value is there.
type State uint8

// The states.
const (
	// Absent: the event has no such value. Every comparison with it is false, != too.
	Absent State = iota
	// Present: the value is there; an empty text is a value.
	Present
	// NotDelivered: the event may have had the value, but it was lost, cut off or can't be read on that node.
	NotDelivered
)

// Value of a field in one event. Which of its members hold the value follows from the field's type; the zero Value is absent.
type Value struct {
	State State
	// Cut says that only the first part of the value is there: of a text, or of the ancestors.
	Cut bool
	// Ends is how many of Addresses or Ports are there, 1 or 2: those fields that stand for both ends have two.
	Ends uint8
	// Ports of Port fields.
	Ports [2]uint16
	// Number of Number fields; 1 for true of Bool fields.
	Number int64
	// Text of Text, Path and Buffer fields.
	Text string
	// Texts of TextList and HostName fields, and of references to all ancestors, the parent first.
	Texts []string
	// Numbers of references to all ancestors whose type is Number.
	Numbers []int64
	// Addresses of Address and Network fields; IPv4 is never mapped into IPv6.
	Addresses [2]netip.Addr
}

// SetText makes the value a text.
func (v *Value) SetText(text string) { v.State, v.Text = Present, text }

// SetNumber makes the value a number.
func (v *Value) SetNumber(n int64) { v.State, v.Number = Present, n }

// SetBool makes the value true or false.
func (v *Value) SetBool(b bool) {
	v.State, v.Number = Present, 0
	if b {
		v.Number = 1
	}
}

// SetAddress makes the value one address; without one it is absent.
func (v *Value) SetAddress(a netip.Addr) {
	if a.IsValid() {
		v.State, v.Ends, v.Addresses[0] = Present, 1, a.Unmap()
	}
}

// SetAddresses makes the value both addresses of a connection.
func (v *Value) SetAddresses(a, b netip.Addr) {
	v.SetAddress(a)
	if !b.IsValid() {
		return
	}
	if v.State != Present {
		v.SetAddress(b)
		return
	}
	v.Ends, v.Addresses[1] = 2, b.Unmap()
}

// SetPort makes the value one port.
func (v *Value) SetPort(p uint16) { v.State, v.Ends, v.Ports[0] = Present, 1, p }

// SetPorts makes the value both ports of a connection.
func (v *Value) SetPorts(a, b uint16) { v.State, v.Ends, v.Ports = Present, 2, [2]uint16{a, b} }

// Truth is the result of a comparison: Unknown if it depends on a value that was not delivered.
type Truth uint8

// The results, in an order in which "and" is the least and "or" the greatest.
const (
	False Truth = iota
	Unknown
	True
)

// Not is the opposite.
func (t Truth) Not() Truth { return True - t }

// Of is True or False.
func Of(b bool) Truth {
	if b {
		return True
	}
	return False
}

// TypeError says that an operator or a constant does not fit a field's type.
type TypeError struct {
	// Value is the place of the constant among those of the comparison, -1 for the operator.
	Value   int
	Message string
}

func (e *TypeError) Error() string { return e.Message }

// Subject is what is compared: its type, and whether it stands for any of several.
type Subject struct {
	Type catalog.Type
	// Any: the values are those of all ancestors; a comparison holds if it holds for one.
	Any bool
	// Name for messages.
	Name string
}

// View is how paths are looked at.
type View uint8

// The views.
const (
	// Lexical: the path that the process asked for, made absolute and without . and .. by its letters alone.
	Lexical View = iota
	// Resolved: the path of the object that the kernel found.
	Resolved
)

// String is the view's name in alerts.
func (v View) String() string { return [...]string{"lexical", "resolved"}[v] }

// Source gives the values of one event.
type Source interface {
	// Value fills in the value of a field, which is absent when it is called. Only paths differ between the views. The text may be a
	// part of a buffer that lives as long as the event.
	Value(r *catalog.Reference, view View, v *Value)
}
