// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The operations of overrides.
const (
	appends  = "append"
	replaces = "replace"
)

// overrides reads the keys append and override. Both are turned into an operation for each key that stands in the item.
func (it *item) overrides() {
	k := &kinds[it.kind]
	appending := it.boolean("append", false)
	if it.keys["append"] != nil {
		it.fail(DeprecatedItem, it.names["append"], "'append' is deprecated: use 'override' with the operation append for each key")
	}
	if !it.has("override") {
		if appending {
			it.override = map[string]string{}
			for _, key := range k.append {
				if it.has(key) {
					it.override[key] = appends
				}
			}
		}
		return
	}
	node := it.keys["override"]
	switch {
	case appending:
		it.fail(ErrYAMLValidate, node, "'override' and 'append: true' can't be used together")
		return
	case node.Kind != yaml.MappingNode:
		it.fail(ErrYAMLValidate, node, "'override' maps keys to append or replace")
		return
	}
	it.override = map[string]string{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		it.overrideOf(node.Content[i], it.target(node.Content[i+1]))
	}
	for i := 0; i+1 < len(it.node.Content); i += 2 {
		key := it.node.Content[i]
		if _, listed := it.override[key.Value]; !listed && slices.Contains(k.keys, key.Value) {
			it.fail(ErrYAMLValidate, key, "Unexpected key '%s': no corresponding entry under 'override' is defined.", key.Value)
		}
	}
}

// overrideOf reads one entry under override.
func (it *item) overrideOf(key, operation *yaml.Node) {
	k := &kinds[it.kind]
	if operation == nil {
		return
	}
	allowed := map[string][]string{appends: k.append, replaces: k.replace}[operation.Value]
	switch {
	case allowed == nil:
		it.fail(ErrYAMLValidate, operation, "'%s' is no override of '%s': use append or replace", operation.Value, key.Value)
	case !slices.Contains(allowed, key.Value) && slices.Contains(k.replace, key.Value):
		it.fail(ErrYAMLValidate, key, "key '%s' can't be appended to, use replace", key.Value)
	case !slices.Contains(allowed, key.Value):
		it.fail(ErrYAMLValidate, key, "key '%s' of a %s can't be overridden: those that can are %s", key.Value, k.key, strings.Join(k.replace, " "))
	case !it.has(key.Value):
		it.fail(ErrYAMLValidate, key, "An %s override for '%s' was specified but '%s' is not defined", operation.Value, key.Value, key.Value)
	default:
		it.override[key.Value] = operation.Value
	}
}
