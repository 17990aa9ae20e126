// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
)

// filterOf is what an argument filter is about.
type filterOf struct {
	what string
	args func(*Hook) []Argument
	// places: index is the place in the list, not the argument's number.
	places bool
}

var (
	ofArgs   = filterOf{what: "args", args: func(h *Hook) []Argument { return h.Args }}
	ofData   = filterOf{what: "data", args: func(h *Hook) []Argument { return h.Data }, places: true}
	ofReturn = filterOf{what: "returnArg", args: func(h *Hook) []Argument { return []Argument{*h.ReturnArg} }, places: true}
)

// find returns the place of an argument by its number: of those that have it the first, as in the original
// (pkg/selectors/kernel.go, argIndexType). In tracepoints a number that no argument has is its place: so do policies count
// there, whose fields begin at number 4 or so.
func (o filterOf) find(h *Hook, number int) (int, error) {
	args := o.args(h)
	i := slices.IndexFunc(args, func(a Argument) bool { return a.Index == number })
	if (o.places || i < 0 && h.Kind&(Tracepoint|RawTracepoint) != 0) && number < len(args) {
		i = number
	}
	if i < 0 {
		return 0, fmt.Errorf("%s has no argument with index %d", o.what, number)
	}
	return i, nil
}

// at returns the place that an entry of a filter's args is: there the original counts the hook's arguments as they are
// listed (argIndexTypeFromArgs), whatever their index.
func (o filterOf) at(h *Hook, place int) (int, error) {
	args := o.args(h)
	if place < len(args) {
		return place, nil
	}
	err := fmt.Errorf("%s has %d entries; in a filter, args counts them from 0, whatever their index", o.what, len(args))
	if i := slices.IndexFunc(args, func(a Argument) bool { return a.Index == place }); i >= 0 {
		err = fmt.Errorf("%w: the one with index %d is at %d", err, place, i)
	}
	return 0, err
}
