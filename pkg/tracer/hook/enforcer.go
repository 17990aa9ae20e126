// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// enforcing is a way to make a function fail.
type enforcing struct {
	mechanism Mechanism
	// program of the object of enforcers.
	program string
	kind    ebpf.ProgramType
	at      ebpf.AttachType
	// available says why no kernel function can be made to fail so; may be nil.
	available func() error
	attach    func(p *ebpf.Program, function string) (link.Link, error)
}

// enforcings, best first. The kernel decides: it lets fmod_ret change what security_… return, and both what functions return that are
// made for error injection, among them those of system calls, where it is built for that.
var enforcings = []enforcing{
	{FModifyReturn, "enforcer", ebpf.Tracing, ebpf.AttachModifyReturn, nil, func(p *ebpf.Program, _ string) (link.Link, error) {
		return link.AttachTracing(link.TracingOptions{Program: p, AttachType: ebpf.AttachModifyReturn})
	}},
	{Kprobe, "enforcer_overriding", ebpf.Kprobe, ebpf.AttachNone, overriding, func(p *ebpf.Program, function string) (link.Link, error) {
		return link.Kprobe(function, p, nil)
	}},
}

// overriding says why kprobes cannot replace what functions return; nil if they can.
func overriding() error {
	if err := features.HaveProgramHelper(ebpf.Kprobe, asm.FnOverrideReturn); err != nil {
		return fmt.Errorf("this kernel was built without the injection of errors, so that results cannot be replaced: %w", err)
	}
	return nil
}

// LoadEnforcer makes a kernel function fail in threads for which a hook has left a note (ACTION_NOTIFY_ENFORCER); it says by what. The
// error has the reason of each way that cannot.
func (s *Set) LoadEnforcer(function string) (Mechanism, error) {
	var errs []error
	for _, way := range enforcings {
		err := s.loadEnforcer(function, way)
		if err == nil {
			return way.mechanism, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

func (s *Set) loadEnforcer(function string, way enforcing) error {
	name := fmt.Sprintf("enforcer %s by %s", function, way.mechanism)
	if way.available != nil {
		if err := way.available(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	spec, err := bpf.LoadEnforcer()
	if err != nil {
		return fmt.Errorf("read the BPF object of enforcers: %w", err)
	}
	p := spec.Programs[way.program]
	p.Type, p.AttachType, p.AttachTo = way.kind, way.at, function
	spec.Programs = map[string]*ebpf.ProgramSpec{way.program: p}
	collection, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		MapReplacements: s.replacements(spec), Cache: s.types,
	})
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s: %w", name, unavailable(way.mechanism, err))
	}
	if err != nil {
		return refused(&Definition{Name: name}, err)
	}
	l := &Loaded{Definition: &Definition{Name: name}, collection: collection}
	attached, err := way.attach(collection.Programs[way.program], function)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", name, err), l.Close())
	}
	l.links = append(l.links, attached)
	s.loaded = append(s.loaded, l)
	return nil
}
