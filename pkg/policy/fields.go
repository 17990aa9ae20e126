// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// field is one row in the description of a mapping: a name of the language and how its value is read into T.
type field[T any] struct {
	name string
	// older dialects' names of the same field.
	older    []string
	required bool
	read     func(c cursor, to *T)
}

// given are the fields that a mapping has, by their name in the table.
type given map[string]cursor

func (g given) has(name string) bool {
	_, ok := g[name]
	return ok
}

// object reads a mapping by its table: in the order of the table, so that a field may depend on those above it. Unknown,
// double and missing fields are reported; a field that is null is as good as absent.
func object[T any](c cursor, table []field[T], to *T) given {
	found := given{}
	if c.null() {
		c.fail("want a mapping, got nothing")
		return found
	}
	for _, p := range c.pairs() {
		i := slices.IndexFunc(table, func(f field[T]) bool {
			return f.name == p.key.node.Value || slices.Contains(f.older, p.key.node.Value)
		})
		switch {
		case i < 0:
			p.key.fail("unknown field%s", DidYouMean(p.key.node.Value, names(table)))
		case found.has(table[i].name):
			p.key.fail("the field is there already as %s", table[i].name)
		case !p.value.null():
			found[table[i].name] = p.value
		}
	}
	for _, f := range table {
		if value, ok := found[f.name]; ok {
			f.read(value, to)
		} else if f.required && c.node.Kind == yaml.MappingNode {
			c.fail("%s is missing", f.name)
		}
	}
	return found
}

func names[T any](table []field[T]) (all []string) {
	for _, f := range table {
		all = append(all, f.name)
	}
	return all
}

// ignored is the reader of a field that is of no use here and harmless: what a cluster adds to an object.
func ignored[T any](cursor, *T) {}
