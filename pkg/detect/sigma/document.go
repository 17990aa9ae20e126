// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// LongestFile in bytes. The longest public rules have some 20 KiB.
const LongestFile = 1 << 20

// Bounds of one document: nodes that are read, with what aliases stand for counted each time; and problems that are told.
const (
	mostNodes    = 100_000
	mostProblems = 20
)

// Parse reads the rules of a file, which has one document for each. The name is for messages. Each document that says something is
// in one of the two results; a file that says nothing at all, or is no YAML, is a refusal.
func Parse(name string, content []byte) (rules []*Rule, refusals []*Refusal) {
	whole := &document{file: name}
	if len(content) > LongestFile {
		whole.fail(nil, ReasonTooLarge, "the file is larger than %d KiB", LongestFile>>10)
		return nil, []*Refusal{whole.refusal()}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	for {
		var root yaml.Node
		if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			whole.problems = append(whole.problems, syntaxProblem(name, err))
			return rules, append(refusals, whole.refusal())
		}
		if len(root.Content) == 0 || isNull(root.Content[0]) {
			continue
		}
		d := &document{file: name}
		if rule := d.read(root.Content[0]); len(d.problems) > 0 {
			refusals = append(refusals, d.refusal())
		} else {
			rules = append(rules, rule)
		}
	}
	if len(rules)+len(refusals) == 0 {
		whole.fail(nil, ReasonNoRule, "the file has no rule")
		refusals = append(refusals, whole.refusal())
	}
	return rules, refusals
}

// lineOfSyntaxError is how the YAML library begins its messages.
var lineOfSyntaxError = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

func syntaxProblem(name string, err error) Problem {
	message := err.Error()
	match := lineOfSyntaxError.FindStringSubmatch(message)
	line, _ := strconv.Atoi(match[1]) // 0 where it does not say
	return Problem{Position{File: name, Line: max(line, 1)}, ReasonSyntax, "not YAML: " + message[len(match[0]):]}
}

// document is the reading of one document.
type document struct {
	file    string
	visited int
	// instructions and characters are counted by weigh.
	instructions, characters int
	problems                 []Problem
	rule                     Rule
}

// refusal is what the problems say together.
func (d *document) refusal() *Refusal {
	return &Refusal{Title: d.rule.Title, ID: d.rule.ID, Problems: d.problems}
}

// fail notes a problem at a node; nil is the file.
func (d *document) fail(at *yaml.Node, reason Reason, format string, args ...any) {
	p := Problem{Position{File: d.file}, reason, fmt.Sprintf(format, args...)}
	if at != nil {
		p.Line, p.Column = at.Line, at.Column
	}
	if len(d.problems) < mostProblems {
		d.problems = append(d.problems, p)
	}
}

// visit follows an alias, and is false, with a problem, when the document is too large.
func (d *document) visit(n *yaml.Node) (*yaml.Node, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.visited++; d.visited == mostNodes {
		d.fail(n, ReasonTooLarge, "the document says more than %d things, aliases included", mostNodes)
	}
	return n, d.visited < mostNodes
}

// entry is one key of a mapping.
type entry struct{ key, value *yaml.Node }

// entries of a mapping in the order of the text. Each key is text, and there once.
func (d *document) entries(n *yaml.Node) (all []entry) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, ok := d.visit(n.Content[i])
		if !ok {
			return all
		}
		value, ok := d.visit(n.Content[i+1])
		if !ok {
			return all
		}
		line, twice := first[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fail(key, ReasonInvalid, "a key must be text, not %s", kindOf(key))
		case key.Tag == "!!merge":
			d.fail(key, ReasonInvalid, "merging with << is not supported: write the entries out")
		case twice:
			d.fail(key, ReasonInvalid, "%s is there twice, in line %d before", shown(key.Value), line)
		default:
			first[key.Value] = key.Line
			all = append(all, entry{key, value})
		}
	}
	return all
}

// items of a list, of one thing that one, and of nothing none.
func (d *document) items(n *yaml.Node) (all []*yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		if isNull(n) {
			return nil
		}
		return []*yaml.Node{n}
	}
	for _, item := range n.Content {
		item, ok := d.visit(item)
		if !ok {
			break
		}
		all = append(all, item)
	}
	return all
}

// text reads a scalar as it is written; what names the key for a problem.
func (d *document) text(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, ReasonInvalid, "%s must be text, not %s", what, kindOf(n))
		return ""
	}
	if isNull(n) {
		return ""
	}
	return n.Value
}

// texts reads a list of scalars, or one. It is for what is only shown: other entries, such as text with a colon in it, are passed over.
func (d *document) texts(n *yaml.Node) (all []string) {
	for _, item := range d.items(n) {
		if item.Kind == yaml.ScalarNode && item.Value != "" && !isNull(item) {
			all = append(all, item.Value)
		}
	}
	return all
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kindOf is what a node holds, in words.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	return shown(n.Value)
}

// shown quotes a text of the rule's; a long one is cut.
func shown(text string) string {
	const longest = 60
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return strconv.Quote(text)
}
