// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// pollInterval is how long a record waits in the ring at most: the programs wake the reader only when much waits.
const pollInterval = 20 * time.Millisecond

// turnRecords is how many records are read at most before idle has its turn: when more come than can be read, the ring is
// never empty.
const turnRecords = 4096

// Programs are the loaded programs of process life. Read and Drain are for one goroutine; the other methods may be called beside it.
type Programs struct {
	scope   Scope
	objects bpf.ProcessObjects
	links   []link.Link
	rings   *rings
	// shares as DropIdleShares saw them last.
	shares map[uint64]bpf.ProcessShare

	// scoping is for what follows.
	scoping sync.Mutex
	// levels and generation are what scope_states holds, unless the scope was left.
	levels, generation uint64
	left               bool
}

// hook is one program with its name in messages.
type hook struct {
	name    string
	program *ebpf.Program
}

func (p *Programs) hooks() []hook {
	return []hook{
		{"sched_process_exec", p.objects.ProcessExec},
		{"sched_process_fork", p.objects.ProcessFork},
		{"sched_process_exit", p.objects.ProcessExit},
		{"cgroup_mkdir", p.objects.CgroupMade},
		{"cgroup_rmdir", p.objects.CgroupRemoved},
		{"cgroup_attach_task", p.objects.ProcessMoved},
	}
}

// Load loads the programs for a scope. Nothing is traced before Attach. Close frees everything.
func Load(scope Scope) (*Programs, error) {
	cache := scope.types()
	spec, err := Specification(cache, bpf.LoadProcess, bpf.LoadProcessOld)
	if err != nil {
		return nil, err
	}
	p := &Programs{scope: scope}
	if err := p.SetConstants(spec.Variables); err != nil {
		return nil, err
	}
	types, err := cache.Kernel()
	if err != nil {
		return nil, fmt.Errorf("the kernel's type information: %w", err)
	}
	if err := DropMissing(spec, types); err != nil {
		return nil, err
	}
	if scope.RingBytes != 0 {
		spec.Maps["events"].MaxEntries = scope.RingBytes
	}
	if scope.Shares != 0 {
		spec.Maps["shares"].MaxEntries = scope.Shares
	}
	if err := spec.LoadAndAssign(&p.objects, &ebpf.CollectionOptions{Cache: cache}); err != nil {
		return nil, explain("load the programs", err)
	}
	if p.rings, err = newRings(p.objects.Events, p.objects.Priority); err != nil {
		return nil, errors.Join(err, p.objects.Close())
	}
	return p, nil
}

// Attach begins to trace. It returns the names of the hooks.
func (p *Programs) Attach() (hooks []string, err error) {
	for _, h := range p.hooks() {
		l, err := link.AttachTracing(link.TracingOptions{Program: h.program, AttachType: ebpf.AttachTraceRawTp})
		if err != nil {
			return hooks, explain("attach to "+h.name, err)
		}
		p.links = append(p.links, l)
		hooks = append(hooks, h.name)
	}
	return hooks, nil
}

// Detach ends tracing; what the ring still holds can be read.
func (p *Programs) Detach() error {
	var errs []error
	for _, l := range p.links {
		errs = append(errs, l.Close())
	}
	p.links = nil
	return errors.Join(errs...)
}

// Close frees everything.
func (p *Programs) Close() error {
	return errors.Join(p.Detach(), p.rings.Close(), p.objects.Close())
}

// Read hands records to h until ctx ends. After each turn, at least every pollInterval and every turnRecords records, it calls
// idle. A record that can't be decoded is reported to malformed and passed over.
func (p *Programs) Read(ctx context.Context, h Handler, idle func(), malformed func(error)) error {
	for ctx.Err() == nil {
		if _, err := p.turn(h, h.Await, malformed); err != nil {
			return err
		}
		idle()
	}
	return nil
}

// Drain hands records to h until the ring is empty; what h has no room for within patience it gets all the same. It is for after
// Detach: else there may be no end.
func (p *Programs) Drain(h Handler, patience time.Duration, malformed func(error)) error {
	end := time.Now().Add(patience)
	for {
		await := h.Await
		if time.Now().After(end) {
			await = func(time.Duration) bool { return true }
		}
		if empty, err := p.turn(h, await, malformed); empty || err != nil {
			return err
		}
	}
}

// turn reads what is there, or comes within pollInterval. empty: nothing is left.
func (p *Programs) turn(h Handler, await func(time.Duration) bool, malformed func(error)) (empty bool, err error) {
	p.rings.setDeadline(time.Now().Add(pollInterval))
	for range turnRecords {
		if !p.rings.isPressing() && !await(pollInterval) {
			return false, nil
		}
		raw, err := p.rings.next()
		if raw == nil || err != nil {
			return true, err
		}
		if err := decode(raw, h); err != nil {
			malformed(err)
		}
	}
	return false, nil
}

func isNotExist(err error) bool { return errors.Is(err, ebpf.ErrKeyNotExist) }

// explain words errors of the BPF system call: the kernel says EPERM for everything that it does not allow.
func explain(what string, err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.As(err, &verifier) && len(verifier.Log) > 0:
		return fmt.Errorf("%s: this kernel's verifier refuses a program; please report this with the kernel's version: %w", what, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: not permitted: tracing needs root with the capabilities BPF and PERFMON (before Linux 5.11 also SYS_RESOURCE), and a kernel that is not locked down to confidentiality: %w", what, err)
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%s: this kernel can't do it; Linux 5.10 or later with BTF is needed: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// groupDeadVariable is set in every object that has it.
const groupDeadVariable = "exit_tells_group_dead"

// SetConstants sets the scope in a collection that is loaded beside these programs.
func (p *Programs) SetConstants(variables map[string]*ebpf.VariableSpec) error {
	if variable := variables[groupDeadVariable]; variable != nil {
		groupDead, err := exitTellsGroupDead(p.scope.types())
		if err != nil {
			return err
		}
		if err := variable.Set(groupDead); err != nil {
			return err
		}
	}
	return p.scope.apply(variables)
}

// SharedMaps are what programs that are loaded beside these use too, by their names in the objects.
func (p *Programs) SharedMaps() map[string]*ebpf.Map {
	m := p.objects.ProcessMaps
	return map[string]*ebpf.Map{
		"events": m.Events, "priority": m.Priority, "counts": m.Counts, "scope_states": m.ScopeStates,
		"target_cgroups": m.TargetCgroups, "target_processes": m.TargetProcesses, "cgroup_verdicts": m.CgroupVerdicts, "shares": m.Shares,
	}
}
