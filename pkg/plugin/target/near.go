// SPDX-License-Identifier: Apache-2.0

package target

import (
	"cmp"
	"slices"
	"strings"
)

// nearest are at most three of names that the user may have meant: those that begin with what was typed, as a pod's name
// does with its workload's, then those that few keystrokes turn into it.
func nearest(typed string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var candidates []candidate
	limit := max(1, len(typed)/3)
	for _, name := range names {
		distance := editDistance(typed, name)
		if strings.HasPrefix(name, typed) {
			distance = 0
		}
		if distance <= limit {
			candidates = append(candidates, candidate{name, distance})
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var near []string
	for _, c := range candidates[:min(3, len(candidates))] {
		near = append(near, c.name)
	}
	return near
}

// editDistance is how many characters to insert, delete, replace or exchange with the next (optimal string alignment).
// Names are ASCII.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// didYouMean is the end of an error message; empty without names.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": did you mean " + strings.Join(names, ", ") + "?"
}
