// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// Scope says by which questions a task is taken for a target. What is not asked costs nothing in the kernel.
type Scope struct {
	All, Cgroups, Processes bool
	// Hierarchy in which cgroups are told apart.
	Hierarchy Hierarchy
	// Tracer is the thread group id of this process in the initial pid namespace: hooks pass over it.
	Tracer uint32
	// TracerPIDLevel is how deep its pid namespace is nested; 0 for the initial one.
	TracerPIDLevel uint32
	// RingBytes is the size of the ring to user space, a power of two; 0: that of the object, which is enough for process life.
	RingBytes uint32
	// Unshared: nobody is held to a share of the ring.
	Unshared bool
	// Shares is of how many targets it is counted what they hold of the ring; 0: the object's number.
	Shares uint32
	// Types reads the kernel's type information where others need it too; nil: it is read for each load.
	Types *btf.Cache
}

// types is never nil.
func (s Scope) types() *btf.Cache {
	if s.Types == nil {
		return btf.NewCache()
	}
	return s.Types
}

// apply sets the constants of a program collection before it is loaded.
func (s Scope) apply(variables map[string]*ebpf.VariableSpec) error {
	values := map[string]any{
		"scope_all":        s.All,
		"scope_cgroups":    s.Cgroups,
		"scope_processes":  s.Processes,
		"scope_controller": s.Hierarchy.controller,
		"tracer_tgid":      s.Tracer,
		"tracer_pid_level": s.TracerPIDLevel,
	}
	if s.RingBytes != 0 {
		values["segment_bits"] = segmentBits(s.RingBytes)
	}
	if s.Unshared {
		values["segment_bits"] = uint32(unsharedBits)
	}
	for name, value := range values {
		if variables[name] == nil {
			continue // nobody in this object asks
		}
		if err := variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// AllWorkloads are the bits of what is not told apart by pods: every selection holds.
const AllWorkloads = ^uint64(0)

// AddCgroup makes a cgroup and all below it targets for which these selections of workloads hold, or others than before; a
// deeper target has its own. Level is its distance from the root of the hierarchy.
func (p *Programs) AddCgroup(id uint64, level int, workloads uint64) error {
	if level < 0 || level >= len(bpf.ProcessCgroupRecord{}.CgroupIds) {
		return fmt.Errorf("cgroup %d lies %d levels deep, at most %d can be told apart", id, level, len(bpf.ProcessCgroupRecord{}.CgroupIds)-1)
	}
	if err := p.objects.TargetCgroups.Put(id, workloads); err != nil {
		return fmt.Errorf("add cgroup %d to the targets (at most %d): %w", id, p.objects.TargetCgroups.MaxEntries(), err)
	}
	p.scoping.Lock()
	defer p.scoping.Unlock()
	p.levels |= 1 << level
	return p.scopeChanged()
}

// LeaveScope takes everything out of the scope for good: cgroups that are added later have no effect any more. It is for what
// must not wait for Detach, and of no use where All is traced.
func (p *Programs) LeaveScope() error {
	p.scoping.Lock()
	p.left = true
	err := p.scopeChanged()
	p.scoping.Unlock()
	var tgid uint32
	for err == nil { // a fork may enter a child meanwhile
		next := p.objects.TargetProcesses.NextKey(nil, &tgid)
		if isNotExist(next) {
			return nil
		}
		if err = next; err == nil {
			err = p.RemoveProcess(tgid)
		}
	}
	return err
}

// scopeChanged voids what programs have noted of single cgroups. It comes after the change: a verdict that is made from
// what was before bears the old generation. p.scoping is held.
func (p *Programs) scopeChanged() error {
	state := bpf.ProcessScopeState{Levels: p.levels, Generation: p.generation}
	if p.left {
		state.Levels = 0 // no ancestor of a cgroup is looked up
	}
	changed := p.objects.ScopeStates.Put(uint32(0), state)
	p.generation++ // apart from the levels: programs see parts of one write in any order
	state.Generation = p.generation
	if err := errors.Join(changed, p.objects.ScopeStates.Put(uint32(0), state)); err != nil {
		return fmt.Errorf("tell the programs that targets changed: %w", err)
	}
	return nil
}

// AddCgroupAtAnyLevel is AddCgroup for all workloads when the level is not known: every level is asked, which costs more.
func (p *Programs) AddCgroupAtAnyLevel(id uint64) error {
	for level := range len(bpf.ProcessCgroupRecord{}.CgroupIds) {
		if err := p.AddCgroup(id, level, AllWorkloads); err != nil {
			return err
		}
	}
	return nil
}

// RemoveCgroup ends what AddCgroup began. It is no error when the cgroup is no target.
func (p *Programs) RemoveCgroup(id uint64) error {
	if err := p.objects.TargetCgroups.Delete(id); err != nil && !isNotExist(err) {
		return fmt.Errorf("remove cgroup %d from the targets: %w", id, err)
	}
	p.scoping.Lock()
	defer p.scoping.Unlock()
	return p.scopeChanged()
}

// AddProcess makes a process and its future descendants targets.
func (p *Programs) AddProcess(tgid uint32) error {
	if err := p.objects.TargetProcesses.Put(tgid, uint8(1)); err != nil {
		return fmt.Errorf("add process %d to the targets: %w", tgid, err)
	}
	return nil
}

// RemoveProcess ends what AddProcess began, for this process alone. It is no error when it is no target.
func (p *Programs) RemoveProcess(tgid uint32) error {
	if err := p.objects.TargetProcesses.Delete(tgid); err != nil && !isNotExist(err) {
		return fmt.Errorf("remove process %d from the targets: %w", tgid, err)
	}
	return nil
}

// IsTargetProcess says whether AddProcess or a fork has made a process a target.
func (p *Programs) IsTargetProcess(tgid uint32) bool {
	var one uint8
	return p.objects.TargetProcesses.Lookup(tgid, &one) == nil
}

// HasProcesses says whether any target process is alive.
func (p *Programs) HasProcesses() (bool, error) {
	var tgid uint32
	switch err := p.objects.TargetProcesses.NextKey(nil, &tgid); {
	case isNotExist(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for target processes: %w", err)
	}
	return true, nil
}

// DropExited ends what AddProcess and forks began for processes that no longer run: their exit was missed. Running is asked
// after the targets were listed, so that one which is forked meanwhile is no mistake.
func (p *Programs) DropExited(running func() ([]*Image, error)) error {
	var targets []uint32
	var tgid uint32
	var one uint8
	for all := p.objects.TargetProcesses.Iterate(); all.Next(&tgid, &one); {
		targets = append(targets, tgid)
	}
	images, err := running()
	if err != nil {
		return err
	}
	alive := make(map[uint32]bool, len(images))
	for _, i := range images {
		alive[i.Header.Process.Tgid] = true
	}
	for _, tgid := range targets {
		if !alive[tgid] {
			err = errors.Join(err, p.RemoveProcess(tgid))
		}
	}
	return err
}
