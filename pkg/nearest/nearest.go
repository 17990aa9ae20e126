// SPDX-License-Identifier: Apache-2.0

// Package nearest finds the name that was probably meant by a misspelt one, for messages about unknown names.
package nearest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// longestMisspelling that is worth a search, in bytes: longer words are no typing errors, and comparing costs their product.
const longestMisspelling = 64

// mostListed candidates in a message: the vocabularies of a language, not the names of system calls.
const mostListed = 80

// Name is the candidate that was probably meant, empty if none is close.
func Name(typed string, candidates []string) string {
	if len(typed) > longestMisspelling {
		return ""
	}
	best, distance := "", max(2, len(typed)/3)+1
	for _, candidate := range candidates {
		if length := len(candidate) - len(typed); length >= distance || -length >= distance { // as many have to come or go
			continue
		}
		d := editDistance(strings.ToLower(typed), strings.ToLower(candidate))
		// Of a short word there is little left after two errors: then it has to begin alike, as dri and dir do, dns and int not.
		short := d*2 > len(typed) && !strings.EqualFold(typed[:min(1, len(typed))], candidate[:min(1, len(candidate))])
		if d < distance && d < len(candidate) && !short {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance counts the bytes to insert, delete, replace or exchange with the next (optimal string alignment). Names are ASCII.
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

// mostNear is how many names Names returns.
const mostNear = 3

// Names are at most three of names, each once, that were probably meant: first those that begin with what was typed, as a pod's name
// does with its workload's, then those that few keystrokes turn into it.
func Names(typed string, names []string) []string {
	if typed == "" || len(typed) > longestMisspelling {
		return nil
	}
	distances := map[string]int{}
	for _, name := range names {
		distance := editDistance(typed, name)
		if strings.HasPrefix(name, typed) {
			distance = 0
		}
		if distance <= max(1, len(typed)/3) {
			distances[name] = distance
		}
	}
	near := slices.SortedFunc(maps.Keys(distances), func(a, b string) int {
		return cmp.Or(cmp.Compare(distances[a], distances[b]), cmp.Compare(a, b))
	})
	return near[:min(mostNear, len(near))]
}

// DidYouMean is the end of a message about an unknown word, to follow it without a blank: the candidate that was probably
// meant, else all of them where they are few enough for a message, else nothing.
func DidYouMean(typed string, candidates []string) string {
	if near := Name(typed, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(candidates) > 0 && len(candidates) <= mostListed {
		return "; want one of " + strings.Join(slices.Sorted(slices.Values(candidates)), ", ")
	}
	return ""
}
