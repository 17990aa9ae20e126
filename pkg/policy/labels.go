// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// LabelSelector is requirements, all of which hold; without any it selects everything. It is not apimachinery's because
// images, which containers are selected by, have characters that the value of a label cannot have.
type LabelSelector struct {
	Requirements []Requirement
}

// Requirement on the label Key. The operators are In, NotIn, Exists and DoesNotExist; as in Kubernetes, NotIn holds where
// the label is missing.
type Requirement struct {
	Key, Operator string
	Values        []string
}

// Matches says whether labels satisfy all requirements; a nil selector selects everything.
func (s *LabelSelector) Matches(labels map[string]string) bool {
	if s == nil {
		return true
	}
	return !slices.ContainsFunc(s.Requirements, func(r Requirement) bool { return !r.Matches(labels) })
}

// Matches says whether labels satisfy the requirement.
func (r Requirement) Matches(labels map[string]string) bool {
	value, exists := labels[r.Key]
	switch r.Operator {
	case "In":
		return exists && slices.Contains(r.Values, value)
	case "NotIn":
		return !exists || !slices.Contains(r.Values, value)
	case "Exists":
		return exists
	}
	return !exists
}

// String is as kubectl writes selectors: app=web,tier in (a,b),!debug. Empty for one that selects everything.
func (s *LabelSelector) String() string {
	if s == nil {
		return ""
	}
	all := make([]string, len(s.Requirements))
	for i, r := range s.Requirements {
		all[i] = r.String()
	}
	return strings.Join(all, ",")
}

// String is as kubectl writes one requirement.
func (r Requirement) String() string {
	values := " (" + strings.Join(r.Values, ",") + ")"
	switch r.Operator {
	case "Exists":
		return r.Key
	case "DoesNotExist":
		return "!" + r.Key
	case "NotIn":
		return r.Key + " notin" + values
	}
	if len(r.Values) == 1 {
		return r.Key + "=" + r.Values[0]
	}
	return r.Key + " in" + values
}
