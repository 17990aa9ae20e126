// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// EngineVersion is the version of Falco's engine that rules are read as.
const EngineVersion = "0.63.0"

// plugins that are there: container, whose fields the product has itself, in any version 0.x.
var plugins = map[string]int{"container": 0}

// version is major, minor, patch.
type version [3]int

// parseVersion reads 0.57.0.
func parseVersion(text string) (v version, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != len(v) {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

func (v version) newerThan(other version) bool {
	for i := range v {
		if v[i] != other[i] {
			return v[i] > other[i]
		}
	}
	return false
}

// requirements says whether the item is none, or one that is met. If not, nothing of the file is loaded.
func (it *item) requirements() bool {
	if it.kind < 0 {
		return true
	}
	switch kinds[it.kind].key {
	case engineKey:
		return it.engine()
	case pluginsKey:
		return it.plugins()
	}
	return true
}

func (it *item) engine() bool {
	node := it.keys[engineKey]
	wanted, ok := parseVersion(node.Value)
	if n, err := strconv.Atoi(node.Value); err == nil && n >= 0 {
		wanted, ok = version{0, n, 0}, true
	}
	if !ok || node.Kind != yaml.ScalarNode {
		it.fail(ErrYAMLValidate, node, "unable to parse engine version '%s': want a number or a version as 0.57.0", node.Value)
		return false
	}
	if have, _ := parseVersion(EngineVersion); wanted.newerThan(have) {
		it.fail(ErrValidate, node, "Rules require engine version %s, but engine version is %s", wanted, have)
		return false
	}
	return true
}

func (it *item) plugins() bool {
	node := it.keys[pluginsKey]
	if node.Kind != yaml.SequenceNode {
		it.fail(ErrYAMLValidate, node, "value of %s must be a sequence", pluginsKey)
		return false
	}
	for _, n := range node.Content {
		if n = it.target(n); n == nil || n.Kind != yaml.MappingNode {
			it.fail(ErrYAMLValidate, n, "an element of %s has a name and a version", pluginsKey)
			return false
		}
		if !it.plugin(n) {
			return false
		}
	}
	return true
}

// plugin says whether a plugin or one of its alternatives is there.
func (it *item) plugin(node *yaml.Node) bool {
	wanted, met := it.pluginVersions(node, 0)
	if wanted == nil {
		return false
	}
	if !met {
		it.fail(ErrValidate, node, "Plugin requirement not satisfied, must load one of: %s", strings.Join(wanted, ", "))
	}
	return met
}

// pluginVersions lists a plugin and its alternatives as name (>= version), and says whether one is there; nil if it can't be read.
func (it *item) pluginVersions(node *yaml.Node, depth int) (wanted []string, met bool) {
	var name, text string
	var alternatives *yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		value := it.target(node.Content[i+1])
		if value == nil {
			return nil, false
		}
		switch node.Content[i].Value {
		case "name":
			name = value.Value
		case "version":
			text = value.Value
		case "alternatives":
			alternatives = value
		}
	}
	v, ok := parseVersion(text)
	if !ok || name == "" {
		it.fail(ErrYAMLValidate, node, "unable to parse plugin version '%s' of plugin '%s'", text, name)
		return nil, false
	}
	wanted = []string{fmt.Sprintf("%s (>= %s)", name, v)}
	major, known := plugins[name]
	met = known && v[0] == major
	if alternatives == nil || depth > 0 {
		return wanted, met
	}
	for _, n := range alternatives.Content {
		n = it.target(n)
		if n == nil || n.Kind != yaml.MappingNode {
			it.fail(ErrYAMLValidate, alternatives, "an alternative has a name and a version")
			return nil, false
		}
		more, also := it.pluginVersions(n, depth+1)
		if more == nil {
			return nil, false
		}
		wanted, met = append(wanted, more...), met || also
	}
	return wanted, met
}
