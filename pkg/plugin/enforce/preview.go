// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// preview is what enforcing policies on some nodes would do.
type preview struct {
	policies []*policy.Policy
	// nodes by name: what has become of the hooks there.
	nodes map[string][]event.Hook
	// targets of each node in words.
	targets map[string][]string
	// scope says which of pods each policy acts on; nil where it knows no pods.
	scope *scope.Scope
	pods  []*corev1.Pod
	// beyond is what a policy cannot know on any kernel, by its name.
	beyond map[string][]string
}

// hookEffects are what the enforcing hooks of one policy do on each node, by the hook's name.
type hookEffects struct {
	names   []string
	effects map[string]map[string]effect
}

// effects of a policy's enforcing hooks.
func (p *preview) effects(of *policy.Policy) hookEffects {
	all := hookEffects{effects: map[string]map[string]effect{}}
	for _, node := range slices.Sorted(maps.Keys(p.nodes)) {
		enforcers := servesEnforcers(of, p.nodes[node])
		for _, became := range p.nodes[node] {
			if became.Policy != of.Name {
				continue
			}
			for i := range of.Hooks {
				h := &of.Hooks[i]
				if !acts(h) || h.Name() != became.Name && !slices.ContainsFunc(h.Calls, func(c policy.Call) bool { return c.String() == became.Name }) {
					continue
				}
				all.add(became.Name, node, effectOf(h, became, enforcers))
			}
		}
	}
	return all
}

func (e *hookEffects) add(name, node string, what effect) {
	if e.effects[name] == nil {
		e.names, e.effects[name] = append(e.names, name), map[string]effect{}
	}
	e.effects[name][node] = e.effects[name][node].and(what)
}

// and is what two hooks of one name do together.
func (e effect) and(other effect) effect {
	switch {
	case e == effect{}, e == other:
		return other
	case e.impossible == "":
		e.impossible = other.impossible
	}
	if e.missing == "" || e.allowed && other.missing != "" {
		e.missing, e.allowed = other.missing, other.allowed
	}
	if other.does != "" && e.does != other.does {
		e.does = strings.TrimPrefix(e.does+"; "+other.does, "; ")
	}
	if other.notes != "" && e.notes != other.notes {
		e.notes = strings.TrimPrefix(e.notes+"\n"+other.notes, "\n")
	}
	return e
}

// acts says whether a hook has an action that enforces.
func acts(h *policy.Hook) bool {
	return slices.ContainsFunc(h.Selectors, func(s policy.Selector) bool { return s.Enforces() })
}

// servesEnforcers says whether all functions that a policy names as enforcers heed notes on a node.
func servesEnforcers(p *policy.Policy, hooks []event.Hook) bool {
	served := 0
	for _, h := range hooks {
		if h.Policy == p.Name && strings.HasPrefix(h.Name, "enforcer ") && h.Refused == "" {
			served++
		}
	}
	return len(p.Enforcers) > 0 && served >= len(p.Enforcers)
}

// refused are the nodes that nothing is armed on: what the policies ask for cannot be done there, or none of it is served.
func (p *preview) refused(remedy string) map[string]error {
	refused := map[string]error{}
	for node := range p.nodes {
		var why []string
		served := 0
		for _, of := range p.policies {
			if !of.Acts() {
				continue
			}
			all := p.effects(of)
			for _, name := range all.names {
				e, here := all.effects[name][node]
				if here && e.impossible != "" && !slices.Contains(why, e.impossible) {
					why = append(why, e.impossible)
				}
				if here && e.does != "" {
					served++
				}
			}
		}
		switch {
		case len(why) > 0:
			more := ""
			if len(why) > 1 {
				more = fmt.Sprintf(", and so at %d more hooks", len(why)-1)
			}
			refused[node] = errors.New("not armed: " + why[0] + more + "; " + remedy)
		case served == 0:
			refused[node] = errors.New("not armed: none of the hooks that enforce is served by this kernel")
		}
	}
	return refused
}

// text of the preview; without are the nodes that it leaves out.
func (p *preview) text(without map[string]error, duration time.Duration) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("to be enforced for %s:", Lasting(duration))
	for _, of := range p.policies {
		if !of.Acts() {
			line("  policy %s: only reports", of.Name)
			continue
		}
		line("  policy %s", of.Name)
		if where := p.where(of, without); where != "" {
			line("    on %s", where)
		}
		all := p.effects(of)
		all.text(line, without)
		for _, text := range unseen(of) {
			line("    but: %s", text)
		}
		if texts := p.beyond[of.Name]; len(texts) > 0 {
			line("    but not covered on any kernel: %s", strings.Join(texts, "; "))
		}
	}
	for _, node := range slices.Sorted(maps.Keys(p.nodes)) {
		for _, h := range p.nodes[node] {
			if h.Policy == "" && h.Refused != "" && without[node] == nil { // of no policy: it stands for what is not told
				line("  but on %s: %s", node, h.Refused)
			}
		}
	}
	if p.scope != nil && p.scope.TellsContainersApart() {
		line("  but: where some containers of a pod are meant, one that has just started is left alone until the cluster tells which it is")
	}
	for _, node := range slices.Sorted(maps.Keys(p.nodes)) {
		if without[node] == nil && len(p.targets[node]) > 0 {
			line("  on %s: %s", node, some(p.targets[node], 20))
		}
	}
	return b.String()
}

// where says which pods, and which containers of them, a policy acts on; empty if that is all there are.
func (p *preview) where(of *policy.Policy, without map[string]error) string {
	var on []string
	everywhere := true
	for _, pod := range p.pods {
		if _, here := p.nodes[pod.Spec.NodeName]; !here || without[pod.Spec.NodeName] != nil {
			continue
		}
		names, all := p.scope.ActsOn(of, pod)
		everywhere = everywhere && all
		switch text := pod.Namespace + "/" + pod.Name; {
		case all:
			on = append(on, text)
		case len(names) > 0:
			on = append(on, text+" (container "+strings.Join(names, ", ")+")")
		}
	}
	switch {
	case everywhere:
		return ""
	case len(on) == 0:
		return "none of the pods that are there"
	}
	return some(on, 20)
}

// text says what the hooks do, those that do the same together, and then what they do less well than was asked for.
func (e *hookEffects) text(line func(string, ...any), without map[string]error) {
	var hooks, notes wording.Grouped[string]
	for _, name := range e.names {
		var does wording.Grouped[string]
		for _, node := range slices.Sorted(maps.Keys(e.effects[name])) {
			if without[node] == nil {
				what := e.effects[name][node]
				does.Add(what.text(), node)
				for note := range strings.Lines(what.notes) {
					notes.Add(strings.TrimSuffix(note, "\n"), node)
				}
			}
		}
		if len(does.Keys) > 0 {
			hooks.Add(lines(does, "      on %s: %s\n"), name)
		}
	}
	for _, what := range hooks.Keys {
		line("    %s:\n%s", strings.Join(hooks.Names[what], ", "), strings.TrimSuffix(what, "\n"))
	}
	if text := lines(notes, "    but on %s: %s\n"); text != "" {
		line("%s", strings.TrimSuffix(text, "\n"))
	}
}

// text of what a hook does.
func (e effect) text() string {
	switch {
	case e.missing != "" && e.does == "":
		return "NOT ENFORCED: " + e.missing
	case e.missing != "":
		return e.does + "; NOT ENFORCED in part: " + e.missing
	}
	return e.does
}

// lines is a line for each key, which follows its names in the format.
func lines(g wording.Grouped[string], format string) string {
	var b strings.Builder
	for _, key := range g.Keys {
		fmt.Fprintf(&b, format, some(g.Names[key], 5), key)
	}
	return b.String()
}

// Lasting is a duration as people write it: 10m, not 10m0s.
func Lasting(d time.Duration) string {
	text := d.String()
	if short, cut := strings.CutSuffix(text, "m0s"); cut {
		text = short + "m"
	}
	if short, cut := strings.CutSuffix(text, "h0m"); cut {
		text = short + "h"
	}
	return text
}

// unseen says what of a policy's enforcement no event tells.
func unseen(p *policy.Policy) (texts []string) {
	for i := range p.Hooks {
		h := &p.Hooks[i]
		if !acts(h) {
			continue
		}
		for _, s := range h.Selectors {
			is := func(what func(policy.Action) bool) bool { return slices.ContainsFunc(s.Actions, what) }
			if !is(func(a policy.Action) bool { return a.Kind.Enforces() }) {
				continue
			}
			if is(func(a policy.Action) bool { return a.RateLimit > 0 }) {
				texts = append(texts, h.Name()+": rateLimit: what it stops is not always shown and counted")
			}
		}
	}
	return texts
}

// some joins names, of many the first.
func some(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// podTargets are pods by their nodes, with what they share with their node.
func podTargets(pods []*corev1.Pod) map[string][]string {
	targets := map[string][]string{}
	for _, pod := range pods {
		text := pod.Namespace + "/" + pod.Name
		var shares []string
		for what, shared := range map[string]bool{"network": pod.Spec.HostNetwork, "processes": pod.Spec.HostPID} {
			if shared {
				shares = append(shares, what)
			}
		}
		if slices.Sort(shares); len(shares) > 0 {
			text += " (has the node's " + strings.Join(shares, " and ") + ")"
		}
		targets[pod.Spec.NodeName] = append(targets[pod.Spec.NodeName], text)
	}
	return targets
}

// servedHooks are what would become of hooks that were only tried.
func servedHooks(served []explain.Served) (hooks []event.Hook) {
	for i := range served {
		s := &served[i]
		if taken := s.Taken(); taken != nil {
			hooks = append(hooks, *taken)
			continue
		}
		var why []string
		for _, way := range s.Ways {
			why = append(why, way.Backend+": "+way.Refused)
		}
		if len(s.Ways) > 0 {
			hooks = append(hooks, event.Hook{Policy: s.Ways[0].Policy, Name: s.Ways[0].Name, Refused: strings.Join(why, "; ")})
		}
	}
	return hooks
}
