// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// longestMisspelling that is worth a search, in bytes: longer words are no typing errors, and comparing costs their product.
const longestMisspelling = 64

// mostListed candidates in a message: the longest vocabularies of the policy language, not the names of system calls.
const mostListed = 80

// nearest is the candidate that was probably meant, empty if none is close.
func nearest(typed string, candidates []string) string {
	if len(typed) > longestMisspelling {
		return ""
	}
	best, distance := "", max(2, len(typed)/3)+1
	for _, candidate := range candidates {
		d := editDistance(strings.ToLower(typed), strings.ToLower(candidate))
		// Of a short word there is little left after two errors: then it has to begin alike, as dri and dir do, dns and int not.
		short := d*2 > len(typed) && !strings.EqualFold(typed[:min(1, len(typed))], candidate[:min(1, len(candidate))])
		if d < distance && d < len(candidate) && !short {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance counts the letters to insert, delete or replace (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// DidYouMean is the end of a message about an unknown word, to follow it without a blank: the candidate that was probably
// meant, else all of them where they are few enough for a message, else nothing.
func DidYouMean(typed string, candidates []string) string {
	if near := nearest(typed, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(candidates) > 0 && len(candidates) <= mostListed {
		return "; want one of " + strings.Join(slices.Sorted(slices.Values(candidates)), ", ")
	}
	return ""
}
