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
	level             event.Level
	policy, name, via string
	text              string
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
	for _, r := range remarks.keys {
		if !s.told[r] {
			s.told[r] = true
			s.say(r.level, r.on(nodeList(remarks.names[r])))
		}
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
		return []remark{{event.LevelError, h.Policy, h.Name, "", h.Refused}}
	}
	for _, note := range h.Notes {
		remarks = append(remarks, remark{event.LevelWarning, h.Policy, h.Name, h.Via, note})
	}
	return remarks
}

// on is the remark in words.
func (r remark) on(nodes string) string {
	hook := r.name
	if r.policy != "" {
		hook += " of policy " + r.policy
	}
	switch {
	case r.level == event.LevelError:
		return fmt.Sprintf("hook %s is not attached on %s: %s", hook, nodes, r.text)
	case r.via != "":
		return fmt.Sprintf("hook %s: via %s on %s: %s", hook, r.via, nodes, r.text)
	}
	return fmt.Sprintf("hook %s on %s: %s", hook, nodes, r.text)
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
