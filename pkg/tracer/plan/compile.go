// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// compiler makes the definition of a hook for one site.
type compiler struct {
	node *Node
	hook *policy.Hook
	site *site
	// armed: the enforcing actions of the policy act.
	armed  bool
	def    *hook.Definition
	places []Place
	// besides are, by place, what arguments and data need beside them.
	besides []*source
	// lacks are, by place, what arguments and data do not have at the site; nil for nothing.
	lacks []*lack
	notes []string
}

// compile returns the definition and what its places hold. Errors say what of the hook the site cannot do.
func compile(n *Node, p *policy.Policy, h *policy.Hook, name string, s *site) (*hook.Definition, []Place, []string, error) {
	c := &compiler{node: n, hook: h, site: s, armed: n.arms(p), def: &hook.Definition{Name: name, Config: s.config}}
	c.def.Config.ReturnPlace = hook.Nowhere
	if err := c.arguments(); err != nil {
		return nil, nil, nil, err
	}
	if err := c.selectors(); err != nil {
		return nil, nil, nil, err
	}
	if err := c.follow(p); err != nil {
		return nil, nil, nil, err
	}
	c.conditions()
	c.track(p)
	c.judge()
	c.workloads(p)
	c.attach()
	return c.def, c.places, append(slices.Clone(s.notes), c.notes...), nil
}

// attach chooses the site's programs.
func (c *compiler) attach() {
	s := c.site
	if c.armed {
		c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_ARMED)
	}
	if executes(c.hook) {
		c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_AT_EXEC)
	}
	if s.denies {
		c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_DENIES)
	}
	if slices.ContainsFunc(c.def.Filters, func(f bpf.HookHookFilter) bool {
		return f.Flags&uint8(bpf.HookFilterFlagsFILTER_AT_RETURN) != 0
	}) {
		c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_RETURN_DECIDES)
	}
	c.letBe()
	switch {
	case !c.hook.Return && s.entry != nil:
		c.def.Attachments = []hook.Attachment{*s.entry}
	case c.both():
		c.def.Attachments = []hook.Attachment{*s.both}
	case s.result == nil: // what is returned is known at the entry
		c.def.Attachments = []hook.Attachment{*s.entry}
	default:
		c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_HAS_RETURN)
		c.def.Attachments = []hook.Attachment{*s.entry, *s.result}
		c.frame()
	}
}

// letBe marks the filters of selectors that neither tell nor stop anything: what is not known must not be let be.
func (c *compiler) letBe() {
	for _, s := range c.def.Selectors {
		if s.Actions&uint16(bpf.HookHookActionsACTION_POST) != 0 {
			continue
		}
		for i := range c.def.Filters[s.First : s.First+s.Count] {
			c.def.Filters[int(s.First)+i].Flags |= uint8(bpf.HookFilterFlagsFILTER_LETS_BE)
		}
	}
}

// single says whether one program does everything, so that what is read at the return is read from its context.
func (c *compiler) single() bool {
	return !c.hook.Return || c.both() || c.site.result == nil
}

// both says whether one program at the return does everything. What is to stop a call has to come before it.
func (c *compiler) both() bool {
	return c.site.both != nil && !(c.node.Armed && enforces(c.hook) && c.site.entry != nil && c.site.result != nil)
}

// arguments gives each argument, entry of data and the result a place, and after these what they need and nobody asked for.
func (c *compiler) arguments() error {
	var errs []error
	for i := range c.hook.Args {
		errs = append(errs, c.argument(&c.hook.Args[i], Argument, i))
	}
	for i := range c.hook.Data {
		errs = append(errs, c.argument(&c.hook.Data[i], Data, i))
	}
	switch {
	case c.hook.ReturnArg != nil:
		errs = append(errs, c.result())
	case c.fills():
		errs = append(errs, c.filled())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.needed()
	c.pointers()
	return c.sizes()
}

func (c *compiler) add(a bpf.HookHookArgument, p Place) int {
	c.def.Arguments = append(c.def.Arguments, a)
	c.places = append(c.places, p)
	return len(c.places) - 1
}

func (c *compiler) argument(a *policy.Argument, role Role, index int) error {
	value, err := c.value(a)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Position, err)
	}
	if a.ReturnCopy {
		value.layout.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_AT_RETURN)
	}
	c.add(value.layout, Place{Role: role, Index: index, Type: value.typ, Label: a.Label})
	c.besides, c.lacks = append(c.besides, value.beside), append(c.lacks, value.lacks)
	return nil
}

// needed adds what arguments and data cannot be read without: once for what is two forms of one value.
func (c *compiler) needed() {
	for i, from := range c.besides {
		if from == nil {
			continue
		}
		a := &c.def.Arguments[i]
		other := slices.IndexFunc(c.def.Arguments[:i], func(o bpf.HookHookArgument) bool {
			return o.Beside != hook.Nowhere && o.Source == a.Source && o.Base == a.Base && o.Offset == a.Offset && o.Scale == a.Scale && o.Walk == a.Walk
		})
		if other >= 0 {
			a.Beside = c.def.Arguments[other].Beside
			continue
		}
		c.def.Arguments[i].Beside = uint8(c.hidden(*from))
	}
}

// hidden adds a number that nobody asked for.
func (c *compiler) hidden(from source) int {
	from.Kind, from.Beside, from.Size = uint8(bpf.HookArgumentKindKIND_NUMBER), hook.Nowhere, word
	from.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_UNSENT)
	return c.add(from.HookHookArgument, Place{Role: Hidden})
}

// result gives the returned value its place.
func (c *compiler) result() error {
	a := c.hook.ReturnArg
	from, err := c.site.returned()
	if err != nil {
		return fmt.Errorf("%s: %w", a.Position, err)
	}
	t, err := c.resultType(a)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Position, err)
	}
	value, err := c.typed(a, t, from)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Position, err)
	}
	value.layout.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_AT_RETURN)
	if c.site.result == nil && c.site.both == nil {
		value.layout.Flags &^= uint8(bpf.HookArgumentFlagsARGUMENT_AT_RETURN)
	}
	c.def.Config.ReturnPlace = uint32(c.add(value.layout, Place{Role: Result, Type: value.typ, Label: a.Label}))
	return nil
}

// fills says whether the call returns how much it filled of a buffer that the hook reads then.
func (c *compiler) fills() bool {
	return c.hook.Return && c.site.config.Flags&uint32(bpf.HookHookFlagsHOOK_RETURNS_LENGTH) != 0 &&
		slices.ContainsFunc(c.hook.Args, func(a policy.Argument) bool { return a.ReturnCopy })
}

// filled reads the result for the sake of the buffer, though the policy does not ask for it.
func (c *compiler) filled() error {
	from, err := c.site.returned()
	if err != nil {
		return err
	}
	from.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_AT_RETURN)
	c.def.Config.ReturnPlace = uint32(c.hidden(from))
	return nil
}

// resultType is the type as which the result is read: the policy's, if the kernel's is not another.
func (c *compiler) resultType(a *policy.Argument) (*policy.ArgumentType, error) {
	if c.site.returnedType == nil {
		return a.Type, nil
	}
	have, err := c.site.returnedType()
	if err != nil {
		return nil, err
	}
	if a.Type.Class == policy.ClassAuto {
		return layout.TypeFor(have)
	}
	return a.Type, layout.Check(have, a.Type)
}

// pointers makes the entry keep where a buffer is that is read at the return.
func (c *compiler) pointers() {
	if c.single() {
		return
	}
	for i := range c.hook.Args {
		a := &c.def.Arguments[i]
		if !c.hook.Args[i].ReturnCopy {
			continue
		}
		pointer := *a
		pointer.Kind, pointer.Flags = uint8(bpf.HookArgumentKindKIND_NUMBER), uint8(bpf.HookArgumentFlagsARGUMENT_UNSENT)
		c.add(pointer, Place{Role: Hidden})
		a = &c.def.Arguments[i] // add may have moved it
		a.Source, a.Steps, a.Offset = uint8(bpf.HookValueSourceFROM_ENTRY), 0, uint32(len(c.places)-1)
	}
}

// sizes finds the places of the arguments that hold the sizes of buffers, or makes them.
func (c *compiler) sizes() error {
	for i := range c.hook.Args {
		wanted := c.hook.Args[i].SizeIndex
		if wanted < 0 && c.hook.Args[i].Type.Class == policy.ClassUnixAddress {
			wanted = c.addressLength(c.hook.Args[i].Index)
		}
		if wanted < 0 {
			continue
		}
		place := slices.IndexFunc(c.hook.Args, func(a policy.Argument) bool {
			return a.Index == wanted && len(a.Resolve) == 0 && !a.ReturnCopy && a.Type.Class == policy.ClassNumber
		})
		if place < 0 {
			from, err := c.site.word(wanted)
			if err != nil {
				return fmt.Errorf("%s: sizeArgIndex: %w", c.hook.Args[i].Position, err)
			}
			place = c.hidden(from)
		}
		c.def.Arguments[i].Beside = uint8(place)
	}
	return nil
}

// addressed are the calls that take the address of a socket, with the argument that holds its length: behind the address.
var addressed = []string{"connect", "bind", "security_socket_connect", "security_socket_bind"}

// addressLength is the argument that holds the length of the address in argument index; -1 if none is known.
func (c *compiler) addressLength(index int) int {
	for _, call := range c.hook.Calls {
		if !slices.Contains(addressed, call.Syscall+call.Function) {
			return -1
		}
	}
	return index + 1
}

// conditions puts the site's own filters before those of all selectors.
func (c *compiler) conditions() {
	if len(c.site.conditions) == 0 {
		return
	}
	var own []bpf.HookHookFilter
	for _, condition := range c.site.conditions {
		a := condition.source.HookHookArgument
		if !condition.source.override {
			a.Kind = uint8(bpf.HookArgumentKindKIND_NUMBER)
		}
		a.Beside, a.Size = hook.Nowhere, max(a.Size, 1)
		a.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_UNSENT)
		place := c.add(a, Place{Role: Hidden})
		f := bpf.HookHookFilter{
			Subject: uint8(condition.subject), Match: uint8(bpf.HookFilterMatchMATCH_RANGE), Place: uint8(place),
			First: uint32(len(c.def.Operands)), Count: uint32(len(condition.ranges)),
		}
		for _, r := range condition.ranges {
			c.operands(r.Min, r.Max)
		}
		if condition.subject == bpf.HookFilterSubjectSUBJECT_NUMBER {
			f.Flags = uint8(bpf.HookFilterFlagsFILTER_CHEAP)
		} else {
			c.def.Arguments[place].Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_FILTERED)
		}
		if condition.negated {
			f.Flags |= uint8(bpf.HookFilterFlagsFILTER_NEGATED)
		}
		own = append(own, f)
	}
	c.atLeastOne()
	for i := range c.def.Selectors {
		c.def.Selectors[i].First += uint16(len(own))
	}
	c.def.Filters = append(own, c.def.Filters...)
	c.def.Config.Conditions = uint32(len(own))
}

// atLeastOne gives what has no selector one: without any, no filter is tried.
func (c *compiler) atLeastOne() {
	if len(c.def.Selectors) == 0 {
		c.def.Selectors = []bpf.HookHookSelector{{Actions: uint16(bpf.HookHookActionsACTION_POST)}}
	}
}

// prepend adds filters to every selector, before its own.
func (c *compiler) prepend(own []bpf.HookHookFilter) {
	c.atLeastOne()
	var all []bpf.HookHookFilter
	for i := range c.def.Selectors {
		s := &c.def.Selectors[i]
		of := append(slices.Clone(own), c.def.Filters[s.First:s.First+s.Count]...)
		s.First, s.Count = uint16(len(all)), uint16(len(of))
		all = append(all, of...)
	}
	c.def.Filters = all
}
