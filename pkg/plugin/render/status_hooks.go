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

// remark is something that has to be known about a hook, with the nodes where it holds.
type remark struct {
	level        event.Level
	policy, name string
	text         string
	// nodes where it holds.
	nodes string
}

// Hooks says what became of the hooks on some nodes: how many policies' hooks are attached by what, which hooks were refused,
// and which see less than was asked for: how many notes there are on that, or, if Verbose, each note once, whatever the node.
func (s *Status) Hooks(hellos map[string]*event.Hello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var attached wording.Grouped[string]
	var remarks wording.Grouped[remark]
	notes := map[string]int{} // of a node
	for _, node := range slices.Sorted(maps.Keys(hellos)) {
		distinct := map[string]bool{}
		for _, hook := range hellos[node].Hooks {
			for _, r := range remarksOn(hook) {
				remarks.Add(r, node)
				if r.level != event.LevelError {
					distinct[r.text] = true
				}
			}
		}
		notes[node] = len(distinct)
		attached.Add(s.attached(hellos[node].Hooks, notes[node]), node)
	}
	for _, text := range attached.Keys {
		if text == "" {
			continue
		}
		nodes := attached.Names[text]
		level := event.LevelInfo
		if count := notes[nodes[0]]; count > 0 && !s.Verbose {
			level = event.LevelWarning
			if line := nodeList(nodes) + ": " + limits(count); !slices.Contains(s.limits, line) {
				s.limits = append(s.limits, line)
			}
		}
		s.say(level, nodeList(nodes)+": "+text)
	}
	s.remark(remarks)
}

// Limits say of which nodes the kernel can't show all that hooks are for; there are none if Verbose.
func (s *Status) Limits() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.limits)
}

func limits(notes int) string {
	return wording.Counted(uint64(notes), "limit") + " on what hooks see here (-v=1 says which)"
}

// attached is what is said in one line of the hooks of a node, with its number of notes.
func (s *Status) attached(hooks []event.Hook, notes int) string {
	text := attachedBy(hooks)
	switch {
	case notes == 0 || s.Verbose:
		return text
	case text == "":
		return limits(notes)
	}
	return text + "; " + wording.Counted(uint64(notes), "limit") + " (-v=1)"
}

// remark says what has to be said of single hooks.
func (s *Status) remark(remarks wording.Grouped[remark]) {
	var alike wording.Grouped[remark] // by what they have in common: the names of hooks
	for _, r := range remarks.Keys {
		if s.told[r] && r.level != event.LevelError {
			continue
		}
		s.told[r] = true
		name := r.name
		r.nodes = nodeList(remarks.Names[r])
		if r.level != event.LevelError { // each of those matters by itself
			if !s.Verbose {
				continue
			}
			r.name, r.policy = "", ""
		}
		alike.Add(r, name)
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
