// SPDX-License-Identifier: Apache-2.0

package advise

import (
	"cmp"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// What a node says is bounded: so much of a container is kept.
const (
	mostAnswers  = 512
	mostPrograms = 8
)

// answer is a question of which the answers are counted together.
type answer struct {
	capability     string
	granted        bool
	namespace, own namespace
	foreign        bool
}

// usage is what was seen of a container.
type usage struct {
	answers map[answer]*Use
	// cut: there was more than is kept.
	cut bool
}

func newUsage() *usage {
	return &usage{answers: map[answer]*Use{}}
}

func (u *usage) add(c *check, p *event.Process) {
	key := answer(*c)
	use := u.answers[key]
	if use == nil {
		if len(u.answers) >= mostAnswers {
			u.cut = true
			return
		}
		use = &Use{Capability: c.capability, OnlyInjected: true}
		u.answers[key] = use
	}
	inside := p.InInitTree != nil && *p.InInitTree
	more := Use{Programs: []string{p.Binary}, OnlyInjected: !inside}
	if p.Uid != nil {
		more.Users = []uint32{*p.Uid}
	}
	use.add(&more)
}

// add what else is known of who asked for a capability.
func (use *Use) add(more *Use) {
	for _, program := range more.Programs {
		switch {
		case slices.Contains(use.Programs, program):
		case len(use.Programs) < mostPrograms:
			use.Programs = append(use.Programs, program)
		default:
			use.MorePrograms = true
		}
	}
	for _, user := range more.Users {
		switch {
		case slices.Contains(use.Users, user):
		case len(use.Users) < mostPrograms:
			use.Users = append(use.Users, user)
		default:
			use.MorePrograms = true
		}
	}
	slices.Sort(use.Programs)
	slices.Sort(use.Users)
	use.MorePrograms = use.MorePrograms || more.MorePrograms
	use.OnlyInjected = use.OnlyInjected && more.OnlyInjected
}

// addUses adds uses to those of other containers, in the order of capabilities.
func addUses(all []Use, more ...Use) []Use {
	for i := range more {
		at, found := slices.BinarySearchFunc(all, more[i].Capability, func(use Use, name string) int { return compareNames(use.Capability, name) })
		if !found {
			all = slices.Insert(all, at, Use{Capability: more[i].Capability, OnlyInjected: true})
		}
		all[at].add(&more[i])
	}
	return all
}

// home is the user namespace of the container: the outermost in which processes of it are.
func (u *usage) home() namespace {
	var levels []namespace
	for key := range u.answers {
		switch {
		case key.own.host:
			return namespace{host: true}
		case key.own.number != 0 && key.own.number == key.namespace.number:
			levels = append(levels, key.namespace)
		}
	}
	if len(levels) == 0 {
		return namespace{host: true}
	}
	return slices.MinFunc(levels, func(a, b namespace) int {
		return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.number, b.number))
	})
}

// where says of which user namespace a capability would be, seen from a container.
type where int

const (
	ofContainer where = iota
	// outside: of the machine, where a container with a namespace of its own has no capabilities whatever it is given.
	outside
	// nested: of one that a process in the container made, in which it has all capabilities anyway.
	nested
)

// sees says where a namespace is.
func (home namespace) sees(asked namespace) where {
	switch {
	case home.host && asked.host, home.number != 0 && home.number == asked.number:
		return ofContainer
	case asked.number == 0: // not known
		return ofContainer
	case home.host || asked.level > home.level:
		return nested
	}
	return outside
}

// uses sums up what was asked in one place with one answer.
func (u *usage) uses(from where, granted bool) (all []Use) {
	home := u.home()
	for key, use := range u.answers {
		if !key.foreign && key.granted == granted && home.sees(key.namespace) == from {
			all = addUses(all, *use)
		}
	}
	return all
}
