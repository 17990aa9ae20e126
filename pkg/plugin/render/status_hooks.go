// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
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
	var attached, remarks wording.Grouped[remark]
	for _, node := range slices.Sorted(maps.Keys(hellos)) {
		if text := attachedBy(hellos[node].Hooks); text != "" {
			attached.Add(remark{text: text}, node)
		}
		for _, hook := range hellos[node].Hooks {
			for _, r := range remarksOn(hook) {
				remarks.Add(r, node)
			}
		}
	}
	for _, a := range attached.Keys {
		s.say(event.LevelInfo, nodeList(attached.Names[a])+": "+a.text)
	}
	var alike wording.Grouped[remark] // by what they have in common: the names of hooks
	for _, r := range remarks.Keys {
		if !s.told[r] {
			s.told[r] = true
			name := r.name
			r.nodes = nodeList(remarks.Names[r])
			if r.level != event.LevelError { // each of those matters by itself
				r.name, r.policy = "", ""
			}
			alike.Add(r, name)
		}
	}
	for _, r := range alike.Keys {
		s.say(r.level, r.about(alike.Names[r]))
	}
}

// attachedBy counts the hooks of policies by their backends; empty where there are none.
func attachedBy(hooks []event.Hook) string {
	var backends []string
	by := map[string]int{}
	total := 0
	for _, h := range hooks {
		if h.Policy != "" && h.Backend != "" {
			if by[h.Backend] == 0 {
				backends = append(backends, h.Backend)
			}
			by[h.Backend]++
			total++
		}
	}
	if total == 0 {
		return ""
	}
	for i, backend := range backends {
		backends[i] = fmt.Sprintf("%d by %s", by[backend], backend)
	}
	return wording.Counted(total, "hook") + " attached: " + strings.Join(backends, ", ")
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
	hooks := strings.Join(names[:min(len(names), hooksNamed)], ", ")
	if more := len(names) - hooksNamed; more > 0 {
		hooks += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s: %s (%s)", r.nodes, r.text, hooks)
}
