// SPDX-License-Identifier: Apache-2.0

//go:build linux

package generated

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// generator makes one policy.
type generator struct {
	choices
	// notifies: an action has a note for enforcers, so there must be one.
	notifies bool
}

// generate makes a policy of the choices, as JSON, which is YAML. Most of them are ones that the language allows.
func generate(bytes []byte) string {
	g := generator{choices: choices{bytes}}
	spec := object{}
	for _, h := range several(&g.choices, 3, g.hook) {
		list, _ := spec[h.section].([]object)
		spec[h.section] = append(list, h.object)
	}
	if g.notifies {
		spec["enforcers"] = []object{{"calls": []string{"sys_write"}}}
	}
	text, err := json.MarshalIndent(object{
		"apiVersion": "cilium.io/v1alpha1", "kind": "TracingPolicy", "metadata": object{"name": "generated"}, "spec": spec,
	}, "", " ")
	if err != nil {
		panic(err) // maps, lists and texts
	}
	return string(text)
}

// hooked is a hook and where it stands.
type hooked struct {
	object
	section string
}

// argument is one that filters can name.
type argument struct {
	index int
	typ   *policy.ArgumentType
}

func (g *generator) hook() hooked {
	p := pick(&g.choices, places())
	h := hooked{object{}, sections[p.kind]}
	maps.Copy(h.object, p.hook)
	if p.kind == policy.Kprobe && p.hook["syscall"] == false && g.one(4) {
		p.kind, h.section = policy.Fentry, sections[policy.Fentry]
	}
	args := g.arguments(p, h.object)
	returns := p.kind&(policy.Kprobe|policy.Fentry|policy.Uprobe) != 0 && g.one(2)
	if returns {
		h.object["return"] = true
		h.object["returnArg"] = object{"index": 0, "type": pick(&g.choices, []string{"int", "int64", "uint32", "size_t"})}
	}
	var selectors []object
	for range g.of(4) {
		selectors = append(selectors, g.selector(p.kind, args, returns))
	}
	if selectors != nil {
		h.object["selectors"] = selectors
	}
	return h
}

// arguments adds some of the place's to a hook: mostly with the types that they have.
func (g *generator) arguments(p place, h object) (args []argument) {
	var list []object
	for i, name := range p.types {
		if i > 0 && g.one(4) {
			continue
		}
		if g.one(12) {
			name = pick(&g.choices, policy.ArgumentTypes()).Name
		}
		t := policy.LookupArgumentType(name)
		a := object{"index": p.first + i, "type": name}
		if t.Class == policy.ClassBytes {
			if i+1 < len(p.types) {
				a["sizeArgIndex"] = p.first + i + 2
			}
			if name == "char_buf" && g.one(3) {
				a["maxData"] = true
			}
		}
		if g.one(4) {
			a["label"] = "a label"
		}
		list, args = append(list, a), append(args, argument{p.first + i, t})
	}
	h["args"] = list
	if g.one(6) {
		h["data"] = []object{{"source": "current_task", "type": "int", "resolve": pick(&g.choices, []string{"pid", "real_parent.tgid", "mm.owner.pid", "there.is.none"})}}
	}
	return args
}

func (g *generator) selector(kind policy.HookKind, args []argument, returns bool) object {
	s := object{}
	add := func(name string, chance, most int, make func() object) {
		if g.one(chance) {
			s[name] = several(&g.choices, most, make)
		}
	}
	if len(args) > 0 && !g.one(3) {
		if filters := g.argumentFilters(args); filters != nil {
			s["matchArgs"] = filters
		}
	}
	if returns {
		add("matchReturnArgs", 4, 2, func() object {
			return g.filter(argument{0, policy.LookupArgumentType("int64")}, g.operatorsFor(policy.ClassNumber))
		})
		add("matchReturnActions", 6, 2, func() object { return g.action(kind, args, true) })
	}
	add("matchPIDs", 6, 2, g.pids)
	add("matchNamespaces", 6, 2, func() object {
		return object{"namespace": g.namespace(), "operator": g.membership(), "values": []string{pick(&g.choices, []string{"host_ns", "4026531836"})}}
	})
	add("matchNamespaceChanges", 8, 1, func() object { return object{"operator": g.membership(), "values": []string{g.namespace()}} })
	add("matchCapabilities", 6, 2, g.capabilities)
	add("matchCapabilityChanges", 8, 1, g.capabilities)
	add("matchBinaries", 5, 2, g.binaries)
	add("matchParentBinaries", 8, 1, g.binaries)
	add("matchActions", 2, 2, func() object { return g.action(kind, args, false) })
	if g.one(6) {
		s["matchWorkloads"] = object{"podSelector": object{"matchLabels": object{"app": pick(&g.choices, []string{"web", "db"})}}}
	}
	return s
}

// argumentFilters are as many as the arguments allow.
func (g *generator) argumentFilters(args []argument) (filters []object) {
	for range 1 + g.of(4) {
		a := pick(&g.choices, args)
		if of := g.operatorsFor(a.typ.Class); len(of) > 0 {
			filters = append(filters, g.filter(a, of))
		}
	}
	return filters
}

// operatorsFor are those that compare one argument of a class.
func (g *generator) operatorsFor(class policy.Class) []policy.Operator {
	return slices.DeleteFunc(policy.Operators(), func(o policy.Operator) bool { return o.Classes&class == 0 || o.Arguments > 1 })
}

func (g *generator) filter(a argument, of []policy.Operator) object {
	o := pick(&g.choices, of)
	if o.Arguments == 0 {
		return object{"operator": o.Name, "values": []string{g.expression(a.index)}}
	}
	f := object{"index": a.index, "operator": o.Name}
	if o.Most > 0 {
		f["values"] = several(&g.choices, min(o.Most, 40), func() string { return g.value(o.Name, a.typ) })
	}
	return f
}
