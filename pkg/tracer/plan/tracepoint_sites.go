// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/tracefs"
)

// rawTracepointSites: the arguments are those of the tracepoint's prototype.
func (n *Node) rawTracepointSites(event string) ([]route, []Refusal) {
	s, err := n.rawTracepoint(event)
	if err != nil {
		return nil, []Refusal{{string(hook.RawTracepoint), err}}
	}
	return []route{{s}}, nil
}

func (n *Node) rawTracepoint(event string) (*site, error) {
	spec, err := n.Kernel.Spec()
	if err != nil {
		return nil, err
	}
	count := 0
	for ; count < hook.MaxArguments; count++ {
		if _, err = layout.TracepointParameter(spec, event, count); err != nil {
			break
		}
	}
	if count == 0 {
		return nil, err
	}
	s := &site{
		backend: string(hook.RawTracepoint), spec: spec, entry: attached(hook.Entry, hook.RawTracepoint, event),
		parameter: func(index int) (btf.Type, error) { return layout.TracepointParameter(spec, event, index) },
	}
	s.word, _ = inSlots("tracepoint "+event, count, 0, s.parameter)
	s.returned = func() (source, error) { return source{}, fmt.Errorf("a tracepoint returns nothing") }
	return s, nil
}

// tracepointSites: the arguments are the fields of the tracepoint's record.
func (n *Node) tracepointSites(h *policy.Hook) ([]route, []Refusal) {
	format, err := n.Formats(h.Subsystem, h.Event)
	if err != nil {
		return nil, []Refusal{{string(hook.Tracepoint), err}}
	}
	s := &site{backend: string(hook.Tracepoint), entry: attached(hook.Entry, hook.Tracepoint, h.Event)}
	s.spec, s.untyped = n.Kernel.Spec()
	s.entry.TracepointID = uint64(format.ID)
	s.returned = func() (source, error) { return source{}, fmt.Errorf("a tracepoint returns nothing") }
	s.word = func(index int) (source, error) {
		f, err := format.Field(index)
		if err != nil {
			return source{}, err
		}
		return fieldSource(f)
	}
	s.fieldType = func(index int) (*policy.ArgumentType, error) {
		f, err := format.Field(index)
		if err != nil {
			return nil, err
		}
		return f.ArgumentType()
	}
	s.fits = func(index int, t *policy.ArgumentType) error {
		f, err := format.Field(index)
		if err != nil {
			return err
		}
		return f.Check(t)
	}
	return []route{{s}}, nil
}

// fieldSource is where the value of a field is.
func fieldSource(f tracefs.Field) (source, error) {
	if f.Common() {
		return source{}, fmt.Errorf("field %s cannot be read: the kernel does not show programs what all tracepoints have", f.Name)
	}
	from := at(f.Offset)
	switch {
	case f.Place == tracefs.DataLoc:
		from.Source = uint8(bpf.HookValueSourceFROM_DATA_LOCATION)
	case f.Place == tracefs.RelLoc:
		return from, fmt.Errorf("field %s: __rel_loc is not read", f.Name)
	case f.Array:
		from.Source = uint8(bpf.HookValueSourceFROM_CONTEXT_ADDRESS)
	case f.Size < word:
		from.ShiftLeft = uint8(64 - 8*f.Size)
		from.ShiftRight = from.ShiftLeft
		from.Flags = signed(0, f.Signed)
	}
	return from, nil
}

// lsmSites are the places where an LSM hook can be seen, best first: as a security module, else where the kernel asks them
// all.
func (n *Node) lsmSites(p *policy.Policy, h *policy.Hook, name string) (routes []route, refused []Refusal) {
	spec, err := n.Kernel.Spec()
	if err != nil {
		return nil, []Refusal{{string(hook.LSM), err}}
	}
	asks := security + securityNames.of(name)
	if _, err := layout.LSMParameter(spec, name, 0); err != nil {
		refused = append(refused, Refusal{string(hook.LSM), err})
	} else {
		count := 0
		for ; count < hook.MaxArguments; count++ {
			if _, err := layout.LSMParameter(spec, name, count); err != nil {
				break
			}
		}
		s := &site{
			backend: string(hook.LSM), spec: spec, denies: true, entry: attached(hook.Entry, hook.LSM, name),
			parameter: func(index int) (btf.Type, error) { return layout.LSMParameter(spec, name, index) },
		}
		s.word, s.returned = inSlots("LSM hook "+name, count, 0, s.parameter)
		if hashes(h) && n.hasHashes() {
			s.hash(spec, name)
		}
		routes = append(routes, route{s})
	}
	more, none := n.functionSites(p, h, asks)
	for _, r := range more {
		for _, s := range r {
			if s.via == "" {
				s.via = s.backend + " " + asks
			}
		}
	}
	return append(routes, more...), append(refused, none...)
}

// differentNames are functions security_… that are called otherwise than the hook that they ask.
type differentNames map[string]string

var securityNames = differentNames{
	"bprm_check_security": "bprm_check",
	"vm_enough_memory":    "vm_enough_memory_mm",
}

func (d differentNames) of(hook string) string {
	if name, ok := d[hook]; ok {
		return name
	}
	return hook
}
