// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// Host is what programs of hooks share with those of process life.
type Host interface {
	// SetConstants sets the scope in a collection before it is loaded.
	SetConstants(variables map[string]*ebpf.VariableSpec) error
	// SharedMaps by their names in the objects: the ring, the counters, the scope.
	SharedMaps() map[string]*ebpf.Map
}

// slots of scratch memory for each CPU, SCRATCH_SLOTS of bpf/hook_scratch.h.
const slots = 4

// rateLimitEntries is how many different calls are remembered for each hook with a rate limit (Tetragon's number).
const rateLimitEntries = 32768

// Set is the hooks of a session.
type Set struct {
	host     Host
	spec     *ebpf.CollectionSpec
	types    *btf.Cache
	shared   map[string]*ebpf.Map
	dispatch *Dispatch
	// runtime is Marking.Runtime.
	runtime uint32
	// old: the programs are those for old kernels.
	old bool
	// holdsCPU: programs may hold the CPU while they run.
	holdsCPU bool
	// armedUntil is what armed_until holds; it is StayArmed's.
	armedUntil int64
	// judging is the last number that a definition was loaded with.
	judging atomic.Uint32
	// mutex is for what follows, and for dispatch.
	mutex  sync.Mutex
	loaded []*Loaded
}

// Loaded is one hook that is attached.
type Loaded struct {
	Definition *Definition
	collection *ebpf.Collection
	// programs beside those of the collection.
	programs []*ebpf.Program
	links    []link.Link
}

// NewSet prepares for loading hooks beside the programs of host; types reads the kernel's type information, once for all that is loaded;
// processes is of how many can be noted what filters ask, 0 for the object's own number.
func NewSet(host Host, types *btf.Cache, processes uint32) (*Set, error) {
	spec, err := kernel.Specification(types, bpf.LoadHook, bpf.LoadHookOld)
	if err != nil {
		return nil, err
	}
	if err := host.SetConstants(spec.Variables); err != nil {
		return nil, err
	}
	old, err := kernel.IsOld(types)
	if err != nil {
		return nil, err
	}
	if old {
		// Programs of kprobes that take memory for entries may come to wait for themselves, of which these kernels warn.
		spec.Maps["process_states"].Flags &^= unix.BPF_F_NO_PREALLOC
	}
	kernelTypes, err := types.Kernel()
	if err != nil {
		return nil, fmt.Errorf("the kernel's type information: %w", err)
	}
	if err := kernel.DropMissing(spec, kernelTypes); err != nil {
		return nil, err
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count the CPUs: %w", err)
	}
	spec.Maps["hook_scratches"].MaxEntries = uint32(cpus * slots)
	if processes != 0 {
		spec.Maps["process_states"].MaxEntries = processes
	}
	s := &Set{host: host, old: old, spec: spec, types: types, shared: map[string]*ebpf.Map{}, dispatch: &Dispatch{host: host, types: types}, holdsCPU: kernel.AtLeast(6, 15)}
	maps.Copy(s.shared, host.SharedMaps())
	for _, name := range []string{"hook_scratches", "enforcer_notes", "process_states", "armed_until", "sock_owners", "judged_paths"} {
		m, err := ebpf.NewMap(spec.Maps[name])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make the map %s: %w", name, err), s.Close())
		}
		s.shared[name] = m
	}
	return s, nil
}

// Load loads and attaches a hook; on an error nothing of it is left. It may be called for several hooks at the same time: the
// kernel's verifier takes the longest, and looks at as many programs at once as there are CPUs.
func (s *Set) Load(d *Definition) (*Loaded, error) {
	l, err := s.load(d)
	if err != nil {
		return nil, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(d.Registers) > 0 {
		if err := s.setRegisters(d, l); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", d.Name, err), s.unload(l))
		}
	}
	if s.keepsCalls(d) {
		attached, err := attachTracing(ebpf.AttachTraceRawTp)(l.collection.Programs[gone], Attachment{}, nil)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: attach to the ends of threads: %w", d.Name, err), s.unload(l))
		}
		l.links = append(l.links, attached)
	}
	for _, a := range d.Attachments {
		a.Everybody = d.everybody()
		attached, err := mechanisms[a.Mechanism].attach(l.collection.Programs[string(a.Stage)], a, s.dispatch)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: attach by %s: %w", d.Name, a.Mechanism, err), s.unload(l))
		}
		if attached != nil {
			l.links = append(l.links, attached)
		}
		if a.Mappings != 0 {
			events, err := openMappingEvents(a.Mappings)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", d.Name, err), s.unload(l))
			}
			l.links = append(l.links, events)
		}
	}
	s.loaded = append(s.loaded, l)
	return l, nil
}

// Check says whether the kernel takes a hook's programs. They are attached nowhere.
func (s *Set) Check(d *Definition) error {
	l, err := s.load(d)
	if err != nil {
		return err
	}
	if len(d.Registers) > 0 {
		program, err := s.assigner(d)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", d.Name, err), l.Close())
		}
		l.programs = append(l.programs, program)
	}
	return l.Close()
}

// load loads a hook's programs.
func (s *Set) load(d *Definition) (*Loaded, error) {
	if err := errors.Join(d.check(), d.writable(), d.overridable()); err != nil {
		return nil, err
	}
	if s.old {
		if err := fitsOld(d.Name, d.Filters, d.Operands); err != nil {
			return nil, err
		}
	}
	collection, err := s.collection(d, s.holdsCPU)
	if verifier := (*ebpf.VerifierError)(nil); s.holdsCPU && errors.As(err, &verifier) {
		collection, err = s.collection(d, false) // what the kernel's version says is not sure
	}
	if err != nil {
		return nil, refused(d, err)
	}
	l := &Loaded{Definition: d, collection: collection}
	if err := l.fill(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", d.Name, err), l.Close())
	}
	return l, nil
}

// collection loads the object of a hook.
func (s *Set) collection(d *Definition, holdsCPU bool) (*ebpf.Collection, error) {
	spec, err := s.specialise(d, holdsCPU)
	if err != nil {
		return nil, err
	}
	shared := s.replacements(spec)
	if d.Beside != nil && d.RateLimited {
		shared["rate_limits"] = d.Beside.collection.Maps["rate_limits"]
	}
	return ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared, Cache: s.types})
}

// fill writes the operands, and which system call has which layout; a hook must not run before.
func (l *Loaded) fill() error {
	m := l.collection.Maps["hook_operands"]
	for i, word := range l.Definition.Operands {
		if err := m.Put(uint32(i), word); err != nil {
			return fmt.Errorf("write operand %d of the filters: %w", i, err)
		}
	}
	layouts := l.collection.Maps["call_layouts"]
	for i, layout := range l.Definition.Layouts {
		for _, n := range places(layout.Syscalls, layout.Compat) {
			if err := layouts.Put(n, uint8(i)); err != nil {
				return fmt.Errorf("write the layout of system call %d: %w", n, err)
			}
		}
	}
	return nil
}

// Detach ends the hook; its programs are freed by Close.
func (l *Loaded) Detach() error {
	var errs []error
	for _, one := range l.links {
		errs = append(errs, one.Close())
	}
	l.links = nil
	return errors.Join(errs...)
}

// Close detaches and frees the hook.
func (l *Loaded) Close() error {
	err := l.Detach()
	l.collection.Close()
	for _, p := range l.programs {
		err = errors.Join(err, p.Close())
	}
	return err
}

// Missed is how often the kernel did not run the hooks because they were running already on that CPU: calls, and returns of calls
// that were told.
func (s *Set) Missed() (calls, returns uint64, err error) {
	for _, l := range s.loaded {
		decides := l.Definition.Config.Flags&uint32(bpf.HookHookFlagsHOOK_RETURN_DECIDES) != 0
		for name, p := range l.collection.Programs {
			stats, err := p.Stats()
			if err != nil {
				return calls, returns, fmt.Errorf("%s: read how often it was missed: %w", l.Definition.Name, err)
			}
			if Stage(name) == Return && !decides {
				returns += stats.RecursionMisses
			} else {
				calls += stats.RecursionMisses
			}
		}
	}
	return calls, returns, nil
}

// Detach ends all hooks.
func (s *Set) Detach() error {
	errs := []error{s.dispatch.Detach()}
	for _, l := range s.loaded {
		errs = append(errs, l.Detach())
	}
	return errors.Join(errs...)
}

// Close detaches and frees everything that is not the host's.
func (s *Set) Close() error {
	errs := []error{s.dispatch.Close()}
	for _, l := range s.loaded {
		errs = append(errs, l.Close())
	}
	hosts := s.host.SharedMaps()
	for name, m := range s.shared {
		if hosts[name] != m {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}

// overridable: replacing results by kprobes needs a kernel that is built for it.
func (d *Definition) overridable() error {
	if d.Config.Flags&uint32(bpf.HookHookFlagsHOOK_OVERRIDES) == 0 {
		return nil
	}
	if err := overriding(); err != nil {
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	return nil
}

func (s *Set) unload(l *Loaded) error {
	var errs []error
	for _, p := range l.collection.Programs {
		errs = append(errs, s.dispatch.remove(p))
	}
	return errors.Join(append(errs, l.Close())...)
}

// Remove ends and frees one hook.
func (s *Set) Remove(l *Loaded) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.loaded = slices.DeleteFunc(s.loaded, func(other *Loaded) bool { return other == l })
	return s.unload(l)
}
