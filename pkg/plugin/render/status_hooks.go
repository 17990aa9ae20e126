// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// remark is something that has to be known about a hook. It is said once, of all nodes where it holds.
type remark struct {
	level        event.Level
	policy, name string
	text         string
	// nodes where it holds.
	nodes string
}

// Hooks says what became of the hooks on some nodes: how many policies' hooks are attached by what, which hooks were refused,
// and which do less than was asked for. A remark that was made about other nodes is not repeated.
func (s *Status) Hooks(hellos map[string]*event.Hello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var attached, remarks grouped[remark]
	for _, node := range slices.Sorted(maps.Keys(hellos)) {
		if text := attachedBy(hellos[node].Hooks); text != "" {
			attached.add(remark{text: text}, node)
		}
		for _, hook := range hellos[node].Hooks {
			for _, r := range remarksOn(hook) {
				remarks.add(r, node)
			}
		}
	}
	for _, a := range attached.keys {
		s.say(event.LevelInfo, nodeList(attached.names[a])+": "+a.text)
	}
	var alike grouped[remark] // by what they have in common: the names of hooks
	for _, r := range remarks.keys {
		if !s.told[r] {
			s.told[r] = true
			name := r.name
			r.nodes = nodeList(remarks.names[r])
			if r.level != event.LevelError { // each of those matters by itself
				r.name, r.policy = "", ""
			}
			alike.add(r, name)
		}
	}
	for _, r := range alike.keys {
		s.say(r.level, r.about(alike.names[r]))
	}
}

// attachedBy counts the hooks of policies by their backends; empty where there are none.
func attachedBy(hooks []event.Hook) string {
	var backends grouped[string]
	total := 0
	for _, h := range hooks {
		if h.Policy != "" && h.Backend != "" {
			backends.add(h.Backend, h.Name)
			total++
		}
	}
	if total == 0 {
		return ""
	}
	counts := make([]string, len(backends.keys))
	for i, backend := range backends.keys {
		counts[i] = fmt.Sprintf("%d by %s", len(backends.names[backend]), backend)
	}
	return counted(uint64(total), "hook") + " attached: " + strings.Join(counts, ", ")
}

// remarksOn a hook: why it is refused, or its notes.
func remarksOn(h event.Hook) (remarks []remark) {
	if h.Refused != "" {
		return []remark{{level: event.LevelError, policy: h.Policy, name: h.Name, text: h.Refused}}
	}
	for _, note := range h.Notes {
		remarks = append(remarks, remark{level: event.LevelWarning, policy: h.Policy, name: h.Name, text: note})
	}
	return remarks
}

// hooksNamed is how many hooks a remark names; the others are counted.
const hooksNamed = 3

// about is the remark on hooks in words.
func (r remark) about(names []string) string {
	if r.level == event.LevelError {
		hook := "hook " + names[0]
		if r.policy != "" {
			hook += " of policy " + r.policy
		}
		return fmt.Sprintf("%s is not attached on %s: %s", hook, r.nodes, r.text)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	hooks := strings.Join(names[:min(len(names), hooksNamed)], ", ")
	if more := len(names) - hooksNamed; more > 0 {
		hooks += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s: %s (%s)", r.nodes, r.text, hooks)
}

// grouped lists names by a key, in the order in which they come.
type grouped[K comparable] struct {
	keys  []K
	names map[K][]string
}

func (g *grouped[K]) add(key K, name string) {
	if g.names == nil {
		g.names = map[K][]string{}
	}
	if g.names[key] == nil {
		g.keys = append(g.keys, key)
	}
	g.names[key] = append(g.names[key], name)
}
