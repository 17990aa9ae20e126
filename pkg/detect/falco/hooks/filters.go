// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/prefilter"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Filter compares an argument.
type Filter struct {
	// Place of the argument among the hook's.
	Place    int
	Operator string
	Values   []string
}

// Capabilities compares a set of capabilities of the thread: Effective or Permitted.
type Capabilities struct {
	Set    string
	Denied bool
	Values []string
}

// Selector is filters that have to hold all; one without any lets every call pass.
type Selector struct {
	Filters      []Filter
	Capabilities []Capabilities
	// Returned compare what is returned.
	Returned []Filter
}

// translate adds a filter to a selector; it may add nothing, which lets more pass.
type translate func(to *Selector, c *call, f *prefilter.Filter, with prefilter.Conjunct)

// translations is the table of filters. Those of what is returned are missing: they are not decided at the beginning of a call.
var translations = map[prefilter.Kind]translate{
	prefilter.Equal:     ofText("Equal"),
	prefilter.Prefix:    ofText("Prefix"),
	prefilter.Postfix:   ofText("Postfix"),
	prefilter.SubString: ofText("SubString"),
	prefilter.Mask:      ofNumbers("Mask"),
	prefilter.Integer:   ofNumbers("Equal"),
	prefilter.Port: func(to *Selector, c *call, f *prefilter.Filter, _ prefilter.Conjunct) {
		to.add(c, address, "SPort", numerals(f.Numbers))
	},
	prefilter.Family:     ofFamily,
	prefilter.Address:    ofAddress,
	prefilter.Capability: ofCapability,
}

// add adds a filter on an argument, if the call has it.
func (s *Selector) add(c *call, label, operator string, values []string) {
	if place := c.place(label); place >= 0 {
		s.Filters = append(s.Filters, Filter{place, operator, values})
	}
}

// pathLabel is the argument that has the path of a subject; empty for texts that are not compared: what a symbolic link is to hold is
// told as it is, so that a text that can't be read at the beginning would be missed.
func pathLabel(c *call, subject string) string {
	switch subject {
	case prefilter.FilePath, prefilter.RawPath:
		if c.place("name") < 0 {
			return resolved
		}
		return "name"
	case "target":
		return ""
	}
	return subject
}

func isText(f *prefilter.Filter) bool { return f.Kind <= prefilter.SubString }

func ofText(operator string) translate {
	return func(to *Selector, c *call, f *prefilter.Filter, _ prefilter.Conjunct) {
		to.add(c, pathLabel(c, f.Subject), operator, f.Texts)
	}
}

func ofNumbers(operator string) translate {
	return func(to *Selector, c *call, f *prefilter.Filter, _ prefilter.Conjunct) {
		to.add(c, f.Subject, operator, numerals(f.Numbers))
	}
}

func numerals(numbers []int64) (texts []string) {
	for _, n := range numbers {
		texts = append(texts, strconv.FormatInt(n, 10))
	}
	return texts
}

// inet and inet6 are the numbers of address families (include/linux/socket.h).
const (
	inet  = 2
	inet6 = 10
)

// ofFamily lets addresses of IPv6 pass where those of IPv4 do: they can stand for such.
func ofFamily(to *Selector, c *call, f *prefilter.Filter, _ prefilter.Conjunct) {
	numbers := f.Numbers
	if slices.Contains(numbers, inet) && !slices.Contains(numbers, inet6) {
		numbers = append(slices.Clone(numbers), inet6)
	}
	var names []string
	for _, n := range numbers {
		names = append(names, event.FamilyName(uint16(n)))
	}
	to.add(c, address, "Family", names)
}

// inProgress is the result of a connection that is being made, EINPROGRESS of uapi/asm-generic/errno.h.
const inProgress = -115

// ofAddress leaves a denied address out unless calls that failed are out too: what failed has no address.
func ofAddress(to *Selector, c *call, f *prefilter.Filter, with prefilter.Conjunct) {
	operator := "SAddr"
	if f.Denied {
		if operator = "NotSAddr"; !slices.ContainsFunc(with, succeeds) {
			return
		}
	}
	var values []string
	for _, p := range f.Prefixes {
		values = append(values, p.String())
	}
	to.add(c, address, operator, values)
}

// succeeds says whether a filter lets only calls pass that succeeded, or began to make a connection.
func succeeds(f *prefilter.Filter) bool {
	fails := func(r prefilter.Range) bool {
		return r.From < 0 && r != prefilter.Range{From: inProgress, To: inProgress}
	}
	return f.Kind == prefilter.Return && len(f.Ranges) > 0 && !slices.ContainsFunc(f.Ranges, fails)
}

// capabilitySets are the names of sets by their subjects.
var capabilitySets = map[string]string{prefilter.Effective: "Effective", prefilter.Permitted: "Permitted"}

func ofCapability(to *Selector, _ *call, f *prefilter.Filter, _ prefilter.Conjunct) {
	names := event.CapabilityNames()
	c := Capabilities{Set: capabilitySets[f.Subject], Denied: f.Denied}
	for _, bit := range f.Numbers {
		c.Values = append(c.Values, "CAP_"+names[bit])
	}
	to.Capabilities = append(to.Capabilities, c)
}

// empty says whether every call passes.
func (s Selector) empty() bool { return len(s.Filters)+len(s.Capabilities)+len(s.Returned) == 0 }

// key tells selectors apart.
func (s Selector) key() string { return fmt.Sprintf("%v", s) }
