// SPDX-License-Identifier: Apache-2.0

// Package wording puts numbers and lists of names into sentences.
package wording

import (
	"slices"
	"strconv"
	"strings"
)

// Counted is a number with its noun, in the plural unless it is one.
func Counted[N int | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return strconv.FormatUint(uint64(n), 10) + " " + noun + "s"
}

// Grouped lists names, each once, by a key. Its zero value is ready to use.
type Grouped[K comparable] struct {
	// Keys are in the order in which they came first, Names of each in the order in which they came.
	Keys  []K
	Names map[K][]string
}

// Add puts a name below a key.
func (g *Grouped[K]) Add(key K, name string) {
	if g.Names == nil {
		g.Names = map[K][]string{}
	}
	if g.Names[key] == nil {
		g.Keys = append(g.Keys, key)
	}
	if !slices.Contains(g.Names[key], name) {
		g.Names[key] = append(g.Names[key], name)
	}
}
