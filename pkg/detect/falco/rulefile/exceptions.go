// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// exceptions reads the exceptions of a rule, after those that it already has. One of a known name takes values only.
func (it *item) exceptions(have []Exception) []Exception {
	if !it.has("exceptions") {
		return have
	}
	have = slices.Clone(have)
	before := len(have)
	places := make(map[string]int, len(have))
	for i := range have {
		places[have[i].Name] = i
	}
	node := it.keys["exceptions"]
	if node.Kind != yaml.SequenceNode {
		it.fail(ErrYAMLValidate, node, "'exceptions' is a list")
		return have
	}
	for _, n := range node.Content {
		if n = it.target(n); n == nil {
			it.failed = true
			return have
		}
		keys, ok := it.exceptionKeys(n)
		if !ok {
			continue
		}
		name := keys["name"].Value
		known, there := places[name]
		switch {
		case !there:
			if e, ok := it.exception(n, keys); ok {
				places[name] = len(have)
				have = append(have, e)
			}
		case known >= before:
			it.fail(ExceptionNameNotUnique, keys["name"], "exception '%s' is defined twice: the values of both count", name)
			it.moreValues(&have[known], n, keys)
		default:
			it.moreValues(&have[known], n, keys)
		}
	}
	return have
}

// exceptionKeys are the parts of one exception.
func (it *item) exceptionKeys(node *yaml.Node) (map[string]*yaml.Node, bool) {
	if node.Kind != yaml.MappingNode {
		it.fail(ErrYAMLValidate, node, "an exception has name, fields, comps and values")
		return nil, false
	}
	keys := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], it.target(node.Content[i+1])
		switch key.Value {
		case "name", "fields", "comps", "values":
			if value != nil && (value.Kind != yaml.ScalarNode || value.Tag != "!!null") {
				keys[key.Value] = value
			}
		default:
			it.fail(UnknownKey, key, "unknown key '%s' of an exception", key.Value)
		}
	}
	if name := keys["name"]; name == nil || name.Kind != yaml.ScalarNode || name.Value == "" {
		it.fail(ErrYAMLValidate, node, "an exception needs a name")
		return nil, false
	}
	return keys, true
}

// exception reads a new one.
func (it *item) exception(node *yaml.Node, keys map[string]*yaml.Node) (Exception, bool) {
	e := Exception{Name: keys["name"].Value, Place: Place{it.source.name, node.Line, node.Column}}
	fields := keys["fields"]
	if fields == nil {
		it.fail(ErrYAMLValidate, node, "exception '%s' needs fields: only one that was defined before can be given values alone", e.Name)
		return e, false
	}
	e.Single = fields.Kind == yaml.ScalarNode
	e.Fields = it.words(fields, "fields")
	switch comps := keys["comps"]; {
	case comps == nil && e.Single:
		e.Comps = []string{"in"}
	case comps == nil:
		e.Comps = slices.Repeat([]string{"="}, len(e.Fields))
	case (comps.Kind == yaml.ScalarNode) != e.Single:
		it.fail(ErrYAMLValidate, comps, "exception '%s': fields and comps are both one text, or both lists", e.Name)
		return e, false
	default:
		e.Comps = it.words(comps, "comps")
	}
	if len(e.Fields) != len(e.Comps) {
		it.fail(ErrYAMLValidate, node, "exception '%s': Fields and comps lists must have equal length", e.Name)
		return e, false
	}
	if keys["values"] == nil {
		it.fail(AppendNoValues, node, "exception '%s' has no values and no effect until some are appended", e.Name)
		return e, true
	}
	return e, it.values(&e, keys["values"])
}

// moreValues adds to an exception that is there.
func (it *item) moreValues(e *Exception, node *yaml.Node, keys map[string]*yaml.Node) {
	switch {
	case keys["fields"] != nil || keys["comps"] != nil:
		it.fail(ErrYAMLValidate, node, "exception '%s' is defined already, at %s: only values can be appended to it", e.Name, e.Place)
	case keys["values"] == nil:
		it.fail(AppendNoValues, node, "nothing is appended to exception '%s': there are no values", e.Name)
	default:
		e.Values = slices.Clone(e.Values)
		it.values(e, keys["values"])
	}
}

// words reads a text or a list of texts.
func (it *item) words(node *yaml.Node, what string) (words []string) {
	if node.Kind == yaml.ScalarNode {
		return []string{node.Value}
	}
	for _, n := range node.Content {
		if n = it.target(n); n == nil || node.Kind != yaml.SequenceNode || n.Kind != yaml.ScalarNode {
			it.fail(ErrYAMLValidate, node, "%s of an exception are texts", what)
			return words
		}
		words = append(words, n.Value)
	}
	return words
}

// values reads the tuples of an exception.
func (it *item) values(e *Exception, node *yaml.Node) bool {
	if node.Kind != yaml.SequenceNode {
		it.fail(ErrYAMLValidate, node, "exception '%s': values is a list", e.Name)
		return false
	}
	if e.Single {
		texts := it.words(node, "values")
		if len(texts) == 0 {
			return !it.failed
		}
		if len(e.Values) == 0 {
			e.Values = []Tuple{{Place{it.source.name, node.Line, node.Column}, []Operand{{List: true}}}}
		}
		old := e.Values[0].Operands[0].Texts
		e.Values = []Tuple{{e.Values[0].Place, []Operand{{true, append(slices.Clip(old), texts...)}}}}
		return !it.failed
	}
	for _, n := range node.Content {
		if n = it.target(n); n == nil {
			it.failed = true
			return false
		}
		if n.Kind != yaml.SequenceNode || len(n.Content) != len(e.Fields) {
			it.fail(ErrYAMLValidate, n, "exception '%s': Fields and values lists must have equal length", e.Name)
			continue
		}
		tuple := Tuple{Place: Place{it.source.name, n.Line, n.Column}}
		for _, o := range n.Content {
			if o = it.target(o); o == nil {
				it.failed = true
				return false
			}
			tuple.Operands = append(tuple.Operands, Operand{o.Kind == yaml.SequenceNode, it.words(o, "values")})
		}
		e.Values = append(e.Values, tuple)
	}
	return !it.failed
}
