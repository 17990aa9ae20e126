// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// visitsPerFile bounds the work that a file of aliases to aliases can cause; the longest real policies need some thousand.
const visitsPerFile = 200_000

// document is what the cursors of one YAML document share.
type document struct {
	file     string
	visits   int
	tooLarge bool
	problems *Problems
}

// cursor is a place in the document's tree. Each way to read it reports what does not fit and returns false.
type cursor struct {
	*document
	node *yaml.Node
	path string
}

func (d *document) at(node *yaml.Node, path string) cursor {
	d.visits++
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return cursor{d, node, path}
}

func (c cursor) position() Position {
	return Position{File: c.file, Line: c.node.Line, Column: c.node.Column, Path: c.path}
}

// fail notes a problem at this place.
func (c cursor) fail(format string, args ...any) {
	*c.problems = append(*c.problems, Problem{c.position(), fmt.Sprintf(format, args...)})
}

func (c cursor) null() bool { return c.node.Kind == yaml.ScalarNode && c.node.Tag == "!!null" }

// kind is what the node holds, in words for the user.
func (c cursor) kind() string {
	switch c.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	words := map[string]string{"!!str": "the text", "!!int": "the number", "!!float": "the number", "!!bool": "the boolean"}
	if word, ok := words[c.node.Tag]; ok {
		return word + " " + shown(c.node.Value)
	}
	if c.null() {
		return "nothing"
	}
	return shown(c.node.Value)
}

// shown quotes a value of the user's; a long one is cut.
func shown(value string) string {
	const longest = 60
	if len(value) > longest {
		value = value[:longest] + "…"
	}
	return strconv.Quote(value)
}

func (c cursor) text() (string, bool) {
	if c.node.Kind == yaml.ScalarNode && c.node.Tag == "!!str" {
		return c.node.Value, true
	}
	if c.node.Kind == yaml.ScalarNode && !c.null() {
		c.fail("want text, got %s: write %q", c.kind(), c.node.Value)
	} else {
		c.fail("want text, got %s", c.kind())
	}
	return "", false
}

func (c cursor) boolean() (value, ok bool) {
	if c.node.Kind == yaml.ScalarNode && c.node.Tag == "!!bool" && c.node.Decode(&value) == nil {
		return value, true
	}
	c.fail("want true or false, got %s", c.kind())
	return false, false
}

func (c cursor) integer(lowest, highest int64) (value int64, ok bool) {
	switch {
	case c.node.Kind != yaml.ScalarNode || c.node.Tag != "!!int":
		c.fail("want a number, got %s", c.kind())
	case c.node.Decode(&value) != nil || value < lowest || value > highest:
		c.fail("%s is out of range: %d to %d", c.node.Value, lowest, highest)
	default:
		return value, true
	}
	return 0, false
}

// index reads the number of an argument. Kernel functions have at most six in registers, tracepoints a few dozen fields.
func (c cursor) index() (int, bool) {
	n, ok := c.integer(0, 127)
	return int(n), ok
}

// items calls read for each entry of a list; nothing (null) is an empty one.
func (c cursor) items(read func(cursor)) int {
	if c.null() {
		return 0
	}
	if c.node.Kind != yaml.SequenceNode {
		c.fail("want a list, got %s", c.kind())
		return 0
	}
	for i, node := range c.node.Content {
		if c.exhausted() {
			return i
		}
		read(c.at(node, fmt.Sprintf("%s[%d]", c.path, i)))
	}
	return len(c.node.Content)
}

// exhausted says, once, that the document is larger than any policy.
func (c cursor) exhausted() bool {
	if c.visits <= visitsPerFile {
		return false
	}
	if !c.tooLarge {
		c.tooLarge = true
		c.fail("the document is too large with all its aliases expanded")
	}
	return true
}

// texts is a list of text; each entry is checked by its own.
func (c cursor) texts() (values []string) {
	c.items(func(item cursor) {
		if value, ok := item.text(); ok {
			values = append(values, value)
		}
	})
	return values
}

// pair is one field of a mapping.
type pair struct {
	key   cursor
	value cursor
}

// pairs are the fields of a mapping with merge keys (<<) expanded, in the order of the text.
func (c cursor) pairs() (all []pair) {
	if c.null() {
		return nil
	}
	if c.node.Kind != yaml.MappingNode {
		c.fail("want a mapping, got %s", c.kind())
		return nil
	}
	seen := map[string]bool{}
	c.collect(c.node, seen, &all, 0)
	return all
}

// collect adds the fields of a mapping, then those of the mappings that it merges which it does not have itself.
func (c cursor) collect(node *yaml.Node, seen map[string]bool, all *[]pair, depth int) {
	var merged []*yaml.Node
	own := map[string]bool{}
	for i := 0; i+1 < len(node.Content) && !c.exhausted(); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		path := key.Value
		if c.path != "" {
			path = c.path + "." + key.Value
		}
		switch at := c.at(key, path); {
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case key.Kind != yaml.ScalarNode:
			at.path = c.path
			at.fail("the name of a field is text, got %s", at.kind())
		case own[key.Value]:
			at.fail("the field is there twice")
		case !seen[key.Value]:
			*all = append(*all, pair{at, c.at(value, path)})
			fallthrough
		default:
			own[key.Value], seen[key.Value] = true, true
		}
	}
	const deepestMerge = 16 // an alias may lead to itself
	for _, node := range merged {
		from := c.at(node, c.path)
		sources := []*yaml.Node{from.node}
		if from.node.Kind == yaml.SequenceNode {
			sources = from.node.Content
		}
		for _, source := range sources {
			switch at := c.at(source, c.path); {
			case depth == deepestMerge:
				at.fail("<< merges more than %d deep, perhaps itself", deepestMerge)
			case at.node.Kind != yaml.MappingNode:
				at.fail("<< merges mappings, got %s", at.kind())
			default:
				c.collect(at.node, seen, all, depth+1)
			}
		}
	}
}
