// SPDX-License-Identifier: Apache-2.0

package library

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	"go.yaml.in/yaml/v3"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Bounds of a file.
const (
	largestFile = 1 << 20
	// mostDocuments of a file.
	mostDocuments = 1000
	// deepest is how many levels of lists and mappings are read.
	deepest = 12
)

// Own says whether a text is a file of rules of this language, and not one of Falco's: it begins with a mapping, Falco's with a list.
func Own(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || bytes.HasPrefix(line, []byte("---")) || line[0] == '%' {
			continue
		}
		return line[0] != '-' && line[0] != '['
	}
	return false
}

// Read reads a file, of which each document is a rule, or exceptions for others. Those in which something is wrong are left out and said.
func Read(name string, text []byte) (file Contents, problems []Problem) {
	r := &reader{file: name}
	if len(text) > largestFile {
		return file, []Problem{{name, 1, 1, fmt.Sprintf("%d bytes, at most %d", len(text), largestFile)}}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for range mostDocuments {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return file, r.problems
		}
		if err != nil {
			r.wrongAt(lineOf(err), 1, strings.TrimPrefix(err.Error(), "yaml: "))
			return file, r.problems
		}
		if r.plain(&document, 0) && len(document.Content) > 0 {
			r.document(document.Content[0], &file)
		}
	}
	r.wrongAt(1, 1, fmt.Sprintf("more than %d rules", mostDocuments-1))
	return file, r.problems
}

// document reads one, and keeps it if nothing is wrong in it.
func (r *reader) document(n *yaml.Node, file *Contents) {
	before := len(r.problems)
	if n.Kind == yaml.MappingNode && slices.ContainsFunc(n.Content, func(key *yaml.Node) bool { return key.Value == "for" }) {
		if t := r.tuning(n); len(r.problems) == before {
			file.Tunings = append(file.Tunings, t)
		}
		return
	}
	if rule := r.rule(n); len(r.problems) == before {
		file.Rules = append(file.Rules, rule)
	}
}

func (r *reader) tuning(n *yaml.Node) (t Tuning) {
	r.mapping(n, "exceptions for rules", map[string]field{
		"for": {true, func(n *yaml.Node) {
			r.sequence(n, func(n *yaml.Node) {
				if id, ok := r.scalar(n); ok {
					t.For = append(t.For, Reference{id, Problem{File: r.file, Line: n.Line, Column: n.Column}})
				}
			})
		}},
		"exceptions": {true, r.exceptions(&t.Exceptions)},
	})
	return t
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// lineOf is where the parser found a mistake.
func lineOf(err error) int {
	line := 1
	if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
		_, _ = fmt.Sscan(found[1], &line)
	}
	return line
}

// plain refuses what makes a file other than it looks, and what is too deep.
func (r *reader) plain(n *yaml.Node, depth int) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.wrong(n, "anchors and aliases are not read")
		return false
	case depth > deepest:
		r.wrong(n, "deeper than %d levels", deepest)
		return false
	}
	for _, child := range n.Content {
		if !r.plain(child, depth+1) {
			return false
		}
	}
	return true
}

var (
	idForm        = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)
	techniqueForm = regexp.MustCompile(`^TA?\d{4}(\.\d{3})?$`)
)

func (r *reader) rule(n *yaml.Node) *Rule {
	rule := &Rule{File: r.file, Line: n.Line, Tier: TierTracepoint}
	r.mapping(n, "a rule", map[string]field{
		"id":              {true, func(n *yaml.Node) { r.form(n, &rule.ID, idForm, "letters, digits, dots and dashes, a letter first") }},
		"title":           {true, r.text(&rule.Title)},
		"description":     {true, r.text(&rule.Description)},
		"severity":        {true, word(r, &rule.Severity, event.Severities())},
		"techniques":      {true, r.techniques(rule)},
		"tags":            {false, r.texts(&rule.Tags)},
		"false_positives": {true, r.texts(&rule.FalsePositives)},
		"next_steps":      {true, r.texts(&rule.NextSteps)},
		"limits":          {false, r.texts(&rule.Limits)},
		"tier":            {false, word(r, &rule.Tier, tiers)},
		"observe":         {true, r.observations(&rule.Observe)},
		"condition":       {false, r.expression(&rule.condition, types.BoolKind)},
		"before":          {false, func(n *yaml.Node) { r.sequence(n, func(n *yaml.Node) { r.step(n, rule) }) }},
		"key":             {false, r.expressions(&rule.key)},
		"count":           {false, func(n *yaml.Node) { r.count(n, rule) }},
		"first":           {false, r.expressions(&rule.first)},
		"output":          {true, func(n *yaml.Node) { r.output(n, rule) }},
		"exceptions":      {false, r.exceptions(&rule.Exceptions)},
		"tests":           {true, func(n *yaml.Node) { r.tests(n, rule) }},
	})
	if (len(rule.before) > 0) != (len(rule.key) > 0) {
		r.wrong(n, "before and key belong together: the key says what both are about")
	}
	return rule
}

func (r *reader) form(n *yaml.Node, to *string, form *regexp.Regexp, words string) {
	text, ok := r.scalar(n)
	if ok && !form.MatchString(text) {
		r.wrong(n, "%q: want %s", text, words)
	}
	*to = text
}

func (r *reader) techniques(rule *Rule) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.sequence(n, func(n *yaml.Node) {
			var name string
			r.form(n, &name, techniqueForm, "a technique of MITRE ATT&CK: T1059.004")
			rule.Techniques = append(rule.Techniques, name)
		})
	}
}

// expression compiles one; in a block its lines are those of the file.
func (r *reader) expression(to **expression, kinds ...types.Kind) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if _, ok := r.scalar(n); !ok {
			return
		}
		e, line, column, err := compile(n.Value, kinds...)
		if err != nil {
			at := n.Line + line - 1
			if n.Style == yaml.LiteralStyle || n.Style == yaml.FoldedStyle {
				at++
			} else if line == 1 {
				column += n.Column - 1
			}
			r.wrongAt(at, column, err.Error())
			return
		}
		*to = e
	}
}

func (r *reader) expressions(to *[]*expression) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.sequence(n, func(n *yaml.Node) {
			var e *expression
			r.expression(&e, types.StringKind, types.IntKind)(n)
			*to = append(*to, e)
		})
	}
}

func (r *reader) step(n *yaml.Node, rule *Rule) {
	var s step
	r.mapping(n, "before", map[string]field{
		"observe":   {true, r.observations(&s.observe)},
		"condition": {false, r.expression(&s.condition, types.BoolKind)},
		"key":       {true, r.expression(&s.key, types.StringKind, types.IntKind)},
		"note":      {false, r.expression(&s.note, types.StringKind)},
		"within":    {true, r.duration(&s.within)},
	})
	rule.before = append(rule.before, s)
}

// mostCounted is how many occurrences a rule counts at most: each is remembered.
const mostCounted = 100

func (r *reader) count(n *yaml.Node, rule *Rule) {
	rule.count = &count{}
	r.mapping(n, "count", map[string]field{
		"by":       {true, r.expression(&rule.count.by, types.StringKind, types.IntKind)},
		"distinct": {false, r.expression(&rule.count.distinct, types.StringKind, types.IntKind)},
		"at_least": {true, r.number(&rule.count.atLeast, 2, mostCounted)},
		"within":   {true, r.duration(&rule.count.within)},
	})
}

func (r *reader) output(n *yaml.Node, rule *Rule) {
	text, ok := r.scalar(n)
	if !ok {
		return
	}
	t, err := parseTemplate(text)
	if err != nil {
		r.wrong(n, "%v", err)
	}
	rule.output = t
}

// leastFields of an exception: who, and what.
const leastFields = 2

func (r *reader) exceptions(to *[]Exception) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.sequence(n, func(n *yaml.Node) { *to = append(*to, r.exception(n)) })
	}
}

func (r *reader) exception(n *yaml.Node) (e Exception) {
	r.mapping(n, "an exception", map[string]field{
		"name": {true, r.text(&e.Name)},
		"match": {true, func(n *yaml.Node) {
			if n.Kind != yaml.MappingNode || len(n.Content) < 2*leastFields {
				r.wrong(n, "an exception matches at least %d fields, as process.exe and file.path: with one alone the rule is open to everyone", leastFields)
				return
			}
			for i := 0; i+1 < len(n.Content); i += 2 {
				var f exceptionField
				r.expression(&f.of, types.StringKind, types.IntKind, types.BoolKind)(n.Content[i])
				r.texts(&f.values)(n.Content[i+1])
				if slices.Contains(f.values, "*") {
					r.wrong(n.Content[i+1], "* alone is any value: then the field says nothing")
				}
				e.fields = append(e.fields, f)
			}
		}},
	})
	return e
}

func (r *reader) tests(n *yaml.Node, rule *Rule) {
	list := func(to *[]Test) func(*yaml.Node) {
		return func(n *yaml.Node) {
			r.sequence(n, func(n *yaml.Node) {
				t := Test{Times: 1, Line: n.Line}
				r.mapping(n, "a test", map[string]field{
					"run":   {true, r.text(&t.Run)},
					"also":  {false, r.texts(&t.Also)},
					"times": {false, r.number(&t.Times, 1, 1000)},
				})
				*to = append(*to, t)
			})
			if len(*to) == 0 {
				r.wrong(n, "there is no test")
			}
		}
	}
	r.mapping(n, "tests", map[string]field{"positive": {true, list(&rule.Tests.Positive)}, "near_miss": {true, list(&rule.Tests.NearMiss)}})
}
