// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/nearest"
)

// kinds of items: the key that makes an item one of them, its further keys, and what may be appended and what replaced by an override.
var kinds = []struct {
	key             string
	keys            []string
	append, replace []string
}{
	{key: engineKey},
	{key: pluginsKey},
	{key: macroKey, keys: []string{"condition"}, append: []string{"condition"}, replace: []string{"condition"}},
	{key: listKey, keys: []string{"items"}, append: []string{"items"}, replace: []string{"items"}},
	{
		key: ruleKey,
		keys: []string{
			"condition", "output", "desc", "priority", "enabled", "source", "tags", "exceptions", "warn_evttypes", "skip-if-unknown-filter",
			"capture", "capture_duration",
		},
		append: []string{"condition", "output", "desc", "tags", "exceptions"},
		replace: []string{
			"condition", "output", "desc", "priority", "tags", "exceptions", "enabled", "warn_evttypes", "skip-if-unknown-filter", "capture",
			"capture_duration",
		},
	},
}

// The keys that make an item what it is.
const (
	engineKey  = "required_engine_version"
	pluginsKey = "required_plugin_versions"
	macroKey   = "macro"
	listKey    = "list"
	ruleKey    = "rule"
)

func kindNames() []string {
	names := make([]string, len(kinds))
	for i := range kinds {
		names[i] = kinds[i].key
	}
	return names
}

// item is one map of a file.
type item struct {
	*reader
	node *yaml.Node
	// kind is the place in kinds, -1 for an unknown one.
	kind int
	name string
	keys map[string]*yaml.Node
	// names are the nodes of the keys.
	names map[string]*yaml.Node
	// override has the operation for each key that is overridden, nil without an override.
	override map[string]string
	failed   bool
}

func (r *reader) item(node *yaml.Node) *item {
	it := &item{reader: r, node: node, kind: -1, keys: map[string]*yaml.Node{}, names: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], r.target(node.Content[i+1])
		if value == nil {
			break
		}
		if _, there := it.keys[key.Value]; there {
			it.fail(UnknownKey, key, "key '%s' stands twice: the first one counts", key.Value)
			continue
		}
		it.keys[key.Value], it.names[key.Value] = value, key
	}
	for i := range kinds {
		if value, is := it.keys[kinds[i].key]; is {
			it.kind = i
			if value.Kind == yaml.ScalarNode {
				it.name = value.Value
			}
			break
		}
	}
	return it
}

// fail reports a problem of the item at a node, nil for the item itself.
func (it *item) fail(code Code, node *yaml.Node, format string, arguments ...any) {
	if node == nil {
		node = it.node
	}
	p := Problem{Code: code, Place: Place{it.source.name, node.Line, node.Column}, Message: fmt.Sprintf(format, arguments...)}
	if it.kind >= 0 && it.name != "" && kinds[it.kind].keys != nil {
		p.Item, p.Name = kinds[it.kind].key, it.name
	}
	it.set.Problems = append(it.set.Problems, p)
	it.failed = it.failed || code.IsError()
}

func (it *item) place() Place { return Place{it.source.name, it.node.Line, it.node.Column} }

// define reads the item into the set.
func (it *item) define() {
	if it.kind < 0 {
		hint := ""
		for i := 0; i < len(it.node.Content) && hint == ""; i += 2 {
			hint = nearest.Name(it.node.Content[i].Value, kindNames())
		}
		if hint != "" {
			hint = "; did you mean " + hint + "?"
		}
		it.fail(UnknownItem, nil, "unknown top level item: want one of %s%s", strings.Join(kindNames(), " "), hint)
		return
	}
	if k := &kinds[it.kind]; k.keys != nil {
		if it.name == "" || it.keys[k.key].Kind != yaml.ScalarNode {
			it.fail(ErrYAMLValidate, it.keys[k.key], "the name of a %s is a text that is not empty", k.key)
			return
		}
		it.unknownKeys()
		it.overrides()
	}
	if it.failed {
		return
	}
	switch kinds[it.kind].key {
	case macroKey:
		it.macro()
	case listKey:
		it.list()
	case ruleKey:
		it.rule()
	}
}

func (it *item) unknownKeys() {
	k := &kinds[it.kind]
	allowed := append([]string{k.key, "append", "override"}, k.keys...)
	for i := 0; i+1 < len(it.node.Content); i += 2 {
		if key := it.node.Content[i]; !slices.Contains(allowed, key.Value) {
			hint := ""
			if near := nearest.Name(key.Value, allowed); near != "" {
				hint = "; did you mean " + near + "?"
			}
			it.fail(UnknownKey, key, "unknown key '%s' of a %s%s", key.Value, k.key, hint)
		}
	}
}

// has says whether a key is there and not null.
func (it *item) has(key string) bool {
	node := it.keys[key]
	return node != nil && (node.Kind != yaml.ScalarNode || node.Tag != "!!null")
}

// text reads a scalar that is not empty; nil if it is none, which is reported.
func (it *item) text(key string) *Text {
	node := it.keys[key]
	switch {
	case !it.has(key):
		it.fail(ErrYAMLValidate, it.keys[key], "item has no mapping for key '%s'", key)
	case node.Kind != yaml.ScalarNode:
		it.fail(ErrYAMLValidate, node, "'%s' is a text", key)
	case strings.TrimSpace(node.Value) == "" && key != "desc":
		it.fail(ErrYAMLValidate, node, "'%s' is empty", key)
	default:
		return it.scalar(node)
	}
	return nil
}

func (it *item) scalar(node *yaml.Node) *Text { return &Text{[]piece{{node.Value, it.source, node}}} }

// boolean reads true or false; the other value is returned if the key is missing.
func (it *item) boolean(key string, otherwise bool) bool {
	node := it.keys[key]
	if !it.has(key) {
		return otherwise
	}
	b, err := strconv.ParseBool(strings.ToLower(node.Value))
	switch strings.ToLower(node.Value) {
	case "yes", "on":
		b, err = true, nil
	case "no", "off":
		b, err = false, nil
	}
	if err != nil || node.Kind != yaml.ScalarNode {
		it.fail(ErrYAMLValidate, node, "'%s' is true or false", key)
		return otherwise
	}
	return b
}

// texts reads a sequence of scalars.
func (it *item) texts(key string) (items []Item) {
	node := it.keys[key]
	if node.Kind != yaml.SequenceNode {
		it.fail(ErrYAMLValidate, node, "'%s' is a list", key)
		return nil
	}
	for _, n := range node.Content {
		place := Place{it.source.name, n.Line, n.Column}
		if n = it.target(n); n == nil {
			it.failed = true
			return nil
		}
		if n.Kind != yaml.ScalarNode {
			it.fail(ErrYAMLValidate, n, "an element of '%s' is a text or a number", key)
			continue
		}
		items = append(items, Item{n.Value, place})
	}
	return items
}
