// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/program"
)

// uprobes are the mechanisms for places in programs, best first: one for all places at once, else one for each.
var uprobes = []struct{ entry, result hook.Mechanism }{
	{hook.UprobeMulti, hook.UretprobeMulti},
	{hook.Uprobe, hook.Uretprobe},
}

// programSites are the places in a program's file.
func (n *Node) programSites(p *policy.Policy, h *policy.Hook) (routes []route, refused []Refusal) {
	found, notes, err := n.programFiles(h.Program)
	if err != nil {
		return nil, []Refusal{{h.Kind.String(), err}}
	}
	for _, m := range uprobes {
		if p.Options.DisableUprobeMulti && m.entry == hook.UprobeMulti {
			refused = append(refused, Refusal{string(m.entry), errors.New("the policy's option disable-uprobe-multi forbids it")})
			continue
		}
		r, err := n.inPrograms(h, found, m.entry, m.result)
		if err != nil {
			return nil, append(refused, Refusal{h.Kind.String(), err})
		}
		r[0].notes = append(r[0].notes, notes...)
		routes = append(routes, r)
	}
	return routes, refused
}

// inPrograms are the places in all files of a program. That one of several has no such place is said.
func (n *Node) inPrograms(h *policy.Hook, found []programFile, entry, result hook.Mechanism) (all route, err error) {
	var errs []error
	for _, f := range found {
		var r route
		if h.Kind == policy.USDT {
			r, err = n.usdtRoute(h, f, entry)
		} else {
			r, err = n.uprobeRoute(h, f, entry, result)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("in the container of %s: %w", f.root, err))
		}
		all = append(all, r...)
	}
	switch {
	case len(found) == 1:
		return all, err
	case len(all) == 0:
		return nil, errors.Join(errs...)
	}
	for _, err := range errs {
		all[0].notes = append(all[0].notes, err.Error())
	}
	return all, nil
}

// inProgram is a site in a program: arguments are in registers, what they point at is in user memory.
func (n *Node) inProgram(h *policy.Hook, file programFile, m hook.Mechanism) *site {
	s := &site{backend: string(m), user: true, register: inContext}
	n.inFunctionRegisters(s, 0)
	s.spec, s.untyped = file.Types(file.root, h.Program)
	if s.spec != nil {
		s.parameter = func(index int) (btf.Type, error) {
			return nil, fmt.Errorf("the program's type information is not read for whole arguments: give it a btfType")
		}
	}
	if !hook.ProbesSleep() {
		s.notes = append(s.notes, "memory of the program that is not there is not waited for, as this kernel does not let programs (since 5.19): what stands there cannot be read")
	}
	s.entry = attached(hook.Entry, m)
	s.entry.Executable = file.Path()
	return s
}

// uprobeRoute is one program at all places of a hook, told apart by cookies, or one for each where the kernel has none.
func (n *Node) uprobeRoute(h *policy.Hook, file programFile, entry, result hook.Mechanism) (route, error) {
	if h.Return && file.Go() {
		return nil, errors.New("return: a return probe crashes programs written in Go, whose stacks move")
	}
	places, err := file.Places(h.Program)
	if err != nil {
		return nil, err
	}
	if hook.HasCookies() {
		s := n.uprobeSite(h, file, places, entry, result)
		for i := range places {
			s.entry.Cookies = append(s.entry.Cookies, uint64(i))
		}
		s.result.Cookies = s.entry.Cookies
		s.config.Flags |= uint32(bpf.HookHookFlagsHOOK_HAS_COOKIE)
		return route{s}, nil
	}
	if len(places) > mostSingly {
		return nil, fmt.Errorf("%d places, at most %d get programs of their own where none can share one (before 5.15)", len(places), mostSingly)
	}
	var all route
	var names []string
	for i, place := range places {
		s := n.uprobeSite(h, file, []program.Place{place}, entry, result)
		s.config.Function = uint32(i)
		all, names = append(all, s), append(names, place.Name)
	}
	all[0].functions = names
	return all, nil
}

// uprobeSite is one program at some places.
func (n *Node) uprobeSite(h *policy.Hook, file programFile, places []program.Place, entry, result hook.Mechanism) *site {
	s := n.inProgram(h, file, entry)
	for i, place := range places {
		s.entry.Offsets = append(s.entry.Offsets, place.Offset)
		if place.RefCtrOffset != 0 || len(s.entry.RefCtrOffsets) > 0 {
			s.entry.RefCtrOffsets = append(s.entry.RefCtrOffsets, make([]uint64, i-len(s.entry.RefCtrOffsets))...)
			s.entry.RefCtrOffsets = append(s.entry.RefCtrOffsets, place.RefCtrOffset)
		}
		s.functions = append(s.functions, place.Name)
	}
	if len(s.entry.RefCtrOffsets) > 0 {
		s.entry.RefCtrOffsets = append(s.entry.RefCtrOffsets, make([]uint64, len(places)-len(s.entry.RefCtrOffsets))...)
	}
	s.jump = func(a policy.Action) (int64, error) { return jump(file.File, places, a) }
	after := *s.entry
	after.Stage, after.Mechanism, after.RefCtrOffsets = hook.Return, result, nil
	s.result = &after
	return s
}

// usdtRoute is a site for each instance of a probe: the compiler may have put its arguments elsewhere in each.
func (n *Node) usdtRoute(h *policy.Hook, file programFile, m hook.Mechanism) (route, error) {
	probes, err := file.Probes(h.Program.Provider, h.Program.Name)
	if err != nil {
		return nil, err
	}
	var all route
	for _, probe := range probes {
		s := n.inProgram(h, file, m)
		s.entry.Offsets = []uint64{probe.Offset}
		if probe.RefCtrOffset != 0 {
			s.entry.RefCtrOffsets = []uint64{probe.RefCtrOffset}
		}
		s.word = func(index int) (source, error) {
			if index < 0 || index >= len(probe.Arguments) {
				return source{}, fmt.Errorf("the probe has %d arguments, there is no argument %d", len(probe.Arguments), index)
			}
			return located(probe.Arguments[index])
		}
		s.returned = func() (source, error) { return source{}, errors.New("a usdt returns nothing") }
		s.fieldType = func(index int) (*policy.ArgumentType, error) {
			if index < 0 || index >= len(probe.Arguments) {
				return nil, fmt.Errorf("the probe has %d arguments, there is no argument %d", len(probe.Arguments), index)
			}
			return probe.Arguments[index].ArgumentType()
		}
		all = append(all, s)
	}
	return all, nil
}

// located is where an argument of a usdt is.
func located(a program.ProbeArgument) (source, error) {
	var from source
	if a.Err != nil {
		return from, a.Err
	}
	switch a.Kind {
	case program.Constant:
		return constant(uint64(a.Value)), nil
	case program.InRegister:
		from = at(a.Register.Offset)
	case program.InMemory:
		from.Source, from.Offset = uint8(bpf.HookValueSourceFROM_USER_MEMORY), a.Register.Offset
		from.Constant, from.Index, from.Size = uint64(a.Displacement), hook.Nowhere, uint8(a.Size)
		if a.Register.Size == 0 {
			return from, fmt.Errorf("argument %s: memory at a fixed address is not read", a.Text)
		}
		if a.Index.Size > 0 {
			if a.Index.Size < word {
				return from, fmt.Errorf("argument %s: an index of %d bytes is not read", a.Text, a.Index.Size)
			}
			from.Index, from.Scale = uint16(a.Index.Offset), uint32(a.Scale)
		}
	}
	if a.Size < word {
		from.ShiftLeft = uint8(64 - 8*a.Size)
		from.ShiftRight = from.ShiftLeft
		from.Flags = signed(0, a.Signed)
	}
	return from, nil
}
