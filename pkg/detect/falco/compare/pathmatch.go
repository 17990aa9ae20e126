// SPDX-License-Identifier: Apache-2.0

package compare

import "strings"

// pathMatch holds if a path equals one of the patterns or lies below it. Components are compared one to one, those of a pattern may
// hold glob characters, and empty ones do not count.
func pathMatch(values []string) func(*Value) bool {
	patterns := make([][]*glob, len(values))
	for i, value := range values {
		for component := range strings.SplitSeq(value, "/") {
			if component != "" {
				patterns[i] = append(patterns[i], newGlob(component, false))
			}
		}
	}
	return func(v *Value) bool {
		for _, pattern := range patterns {
			if below(v.Text, pattern) {
				return true
			}
		}
		return false
	}
}

// below says whether the first components of a path match.
func below(path string, pattern []*glob) bool {
	for _, want := range pattern {
		component := ""
		for component == "" {
			if path == "" {
				return false
			}
			component, path, _ = strings.Cut(path, "/")
		}
		if !want.match(component) {
			return false
		}
	}
	return true
}
