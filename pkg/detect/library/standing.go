// SPDX-License-Identifier: Apache-2.0

package library

import "slices"

// Attached is what became of the hook of a function on a node.
type Attached struct {
	// Notes say what is degraded; Refused why it is not attached, empty if it is.
	Notes   []string
	Refused string
}

// Standing says what can be expected of a rule on a node whose hooks are these, by function: whether it can fire, and if what it sees is
// less than it asks for, or nothing, why.
func (r *Rule) Standing(hooks map[string]Attached) (fires bool, reasons []string) {
	fires = true
	for _, list := range r.observedLists() {
		seen := false
		for i := range list {
			shown, why := list[i].standing(hooks)
			seen = seen || shown
			reasons = append(reasons, why...)
		}
		fires = fires && seen
	}
	slices.Sort(reasons)
	return fires, slices.Compact(reasons)
}

// observedLists are the lists of which one observation each is needed.
func (r *Rule) observedLists() (lists [][]Observation) {
	lists = append(lists, r.Observe)
	for _, s := range r.before {
		lists = append(lists, s.observe)
	}
	return lists
}

// standing of one observation: it is shown if one of its functions is hooked. A function that a kernel does not have is none that is
// missed where another is there.
func (o *Observation) standing(hooks map[string]Attached) (shown bool, reasons []string) {
	functions := kinds[o.kind].hooks
	if len(functions) == 0 { // programs that run
		return true, nil
	}
	for i := range functions {
		name := functions[i].Function
		hook, asked := hooks[name]
		switch {
		case !asked:
			continue
		case hook.Refused != "":
			reasons = append(reasons, name+": "+hook.Refused)
			continue
		}
		shown = true
		for _, note := range hook.Notes {
			reasons = append(reasons, name+": "+note)
		}
	}
	if !shown && len(reasons) == 0 {
		reasons = append(reasons, kinds[o.kind].name+": this kernel has no function for it")
	}
	return shown, reasons
}
