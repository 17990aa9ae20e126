// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// security is how the functions begin by which the kernel asks its security modules: they decide and change nothing, so that
// their arguments are at the return what they were, and what they return can be replaced.
const security = "security_"

// function is a kernel function as the type information has it.
type function struct {
	name       string
	spec       *btf.Spec
	parameters int
	// before are parameters that the asked function has not: argument 0 of that one comes after them. -1: it has one more.
	before int
}

// lookup finds a function by its name, or by a name that other kernels have for it.
func (n *Node) lookup(name string) (function, string, error) {
	spec, _, err := n.Kernel.OfFunction(name)
	note, before := "", 0
	if err != nil {
		for _, other := range renamed[name] {
			if found, _, e := n.Kernel.OfFunction(other.name); e == nil {
				spec, err = found, nil
				note = fmt.Sprintf("%s is called %s by this kernel", name, other.name)
				name, before = other.name, other.before
				break
			}
		}
	}
	if err != nil {
		return function{}, "", err
	}
	count := 0
	for ; count < hook.MaxArguments; count++ {
		if _, err := layout.Parameter(spec, name, count); err != nil {
			break
		}
	}
	return function{name, spec, count, before}, note, nil //nolint:nilerr // a parameter too many: that is how their number is found
}

// functionSites are the places where a kernel function can be seen, best first.
func (n *Node) functionSites(p *policy.Policy, h *policy.Hook, name string) (routes []route, refused []Refusal) {
	f, note, err := n.lookup(name)
	if err != nil {
		refused = append(refused, Refusal{"function", err})
		if s, err := n.unknown(name); err == nil {
			routes = append(routes, route{s})
		}
	} else {
		f, shifted := f.withoutIdmap(h)
		sites := n.tracedFunction(p, h, f)
		for _, s := range sites {
			for _, n := range []string{note, shifted} {
				if n != "" {
					s.notes = append(s.notes, n)
				}
			}
		}
		routes = n.withPart(p, h, name, sites)
	}
	equal, none := n.equalRoutes(p, name)
	return append(routes, equal...), append(refused, none...)
}

func (n *Node) tracedFunction(p *policy.Policy, h *policy.Hook, f function) (sites []*site) {
	asked, decides := strings.CutPrefix(f.name, security)
	if n.arms(p) && decides && enforces(h) && p.Options.OverrideMethod != policy.OverrideReturn {
		sites = n.denyingSites(p, f, asked)
	}
	if n.arms(p) && overrides(h) && p.Options.OverrideMethod != policy.OverrideFmod {
		sites = append(sites, n.overriding(n.probe(f)))
	}
	return append(sites, n.trampoline(h, f, decides), n.probe(f))
}

// denyingSites can make a function of the security modules fail. A program that is a security module itself comes first: of
// others the kernel leaves out a run when one of another task was preempted on the same CPU (bpf_prog_check_recur), and then
// nothing would be denied. But where 0 is not what a module says that has no opinion, it would answer for the others.
func (n *Node) denyingSites(p *policy.Policy, f function, asked string) []*site {
	atFunction := n.denying(f, hook.FModifyReturn, f.name)
	if !f.asksUnchanged(asked) || f.name == discarding {
		return []*site{atFunction}
	}
	asModule := n.denying(f, hook.LSM, asked)
	if p.Options.OverrideMethod == policy.OverrideFmod {
		return []*site{atFunction, asModule}
	}
	return []*site{asModule, atFunction}
}

// asksUnchanged says whether the modules are given the same arguments as the function that asks them.
func (f function) asksUnchanged(asked string) bool {
	for i := 0; ; i++ {
		of, err := layout.Parameter(f.spec, f.name, i)
		given, noHook := layout.LSMParameter(f.spec, asked, i)
		switch {
		case err != nil && noHook != nil:
			return i > 0
		case err != nil || noHook != nil || of != given:
			return false
		}
	}
}

// overriding is a kprobe that replaces what the function returns, where the kernel was built for the injection of errors
// and the function allows it.
func (n *Node) overriding(s *site) *site {
	s.denies = true
	s.backend += " that overrides" // beside one that only sees, wherever they are refused
	s.config.Flags |= uint32(bpf.HookHookFlagsHOOK_OVERRIDES)
	return s
}

// inSlots says where the arguments of tracing programs stand: a slot of 8 bytes each, then the result.
func inSlots(backend string, count, before int, parameter func(int) (btf.Type, error)) (func(int) (source, error), func() (source, error)) {
	argument := func(index int) (source, error) {
		if index < 0 || before+index < 0 || before+index >= count {
			return source{}, fmt.Errorf("%s has %d arguments, there is no argument %d", backend, count-before, index)
		}
		from := at(uint32(word * (before + index)))
		if t, err := parameter(index); err == nil && layout.Loadable(t) {
			from.Source = uint8(bpf.HookValueSourceFROM_SLOT)
		}
		return from, nil
	}
	return argument, func() (source, error) { return at(uint32(word * count)), nil }
}

func (f function) parameter(index int) (btf.Type, error) {
	if f.before+index < 0 {
		return nil, fmt.Errorf("function %s of this kernel has no argument %d", f.name, index)
	}
	return layout.Parameter(f.spec, f.name, f.before+index)
}

func (f function) result() (btf.Type, error) { return layout.Result(f.spec, f.name) }

func attached(stage hook.Stage, m hook.Mechanism, symbols ...string) *hook.Attachment {
	return &hook.Attachment{Stage: stage, Mechanism: m, Symbols: symbols}
}

// trampoline sees the function by fentry and fexit.
func (n *Node) trampoline(h *policy.Hook, f function, decides bool) *site {
	s := &site{
		backend: string(hook.FEntry), spec: f.spec, parameter: f.parameter, returnedType: f.result,
		entry: attached(hook.Entry, hook.FEntry, f.name), result: attached(hook.Return, hook.FExit, f.name),
	}
	s.word, s.returned = inSlots("function "+f.name, f.parameters, f.before, f.parameter)
	if decides || onlyNumbers(h) {
		s.both = attached(hook.Both, hook.FExit, f.name)
	}
	return s
}

// onlyNumbers says whether what a hook reads at the entry is in registers alone.
func onlyNumbers(h *policy.Hook) bool {
	for i := range h.Args {
		if a := &h.Args[i]; !a.ReturnCopy && (len(a.Resolve) > 0 || a.Type.Class&(policy.ClassNumber|policy.ClassCapability) == 0) {
			return false
		}
	}
	return len(h.Data) == 0
}

// denying is a program whose result is the function's.
func (n *Node) denying(f function, m hook.Mechanism, symbol string) *site {
	s := &site{
		backend: string(m), spec: f.spec, parameter: f.parameter, returnedType: f.result, denies: true,
		entry: attached(hook.Entry, m, symbol), result: attached(hook.Return, hook.FExit, f.name),
	}
	s.word, s.returned = inSlots("function "+f.name, f.parameters, f.before, f.parameter)
	return s
}

// probe sees the function by kprobe and kretprobe: arguments are in registers.
func (n *Node) probe(f function) *site {
	s := &site{
		backend: string(hook.Kprobe), spec: f.spec, parameter: f.parameter, returnedType: f.result,
		entry: attached(hook.Entry, hook.Kprobe, f.name), result: attached(hook.Return, hook.Kretprobe, f.name),
		register: inContext,
	}
	n.inFunctionRegisters(s, f.before)
	return s
}

// unknown sees a function that the kernel's type information does not have: it may be there all the same, which attaching
// finds out.
func (n *Node) unknown(name string) (*site, error) {
	spec, err := n.Kernel.Spec()
	if err != nil {
		return nil, err
	}
	s := n.probe(function{name: name, spec: spec})
	s.returnedType = nil
	s.notes = append(s.notes, "the kernel does not say what the arguments of "+name+" are: their types are taken as the policy has them")
	return s, nil
}

// inFunctionRegisters says where the arguments of a function are when it is entered.
func (n *Node) inFunctionRegisters(s *site, before int) {
	s.word = func(index int) (source, error) {
		register, err := n.Registers.Argument(before + index)
		return inContext(register), err
	}
	s.returned = func() (source, error) { return inContext(n.Registers.Result()), nil }
}

// inContext is a register of a probe, whose context is the registers.
func inContext(r layout.Register) source {
	from := at(r.Offset)
	from.Source = uint8(bpf.HookValueSourceFROM_SLOT)
	return from
}
