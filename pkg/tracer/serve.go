// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
)

// load loads all hooks, as many at once as there are CPUs. The number of a hook is its place in the list.
func (p *policies) load(planned []plan.Hook) {
	same := plan.Same(planned)
	served := make([]*plan.Way, len(planned))
	sideBySide(len(planned), func(i int) {
		if same[i] < 0 {
			served[i] = p.serve(uint32(i), &planned[i])
		}
	})
	for i := range planned {
		h, other := &planned[i], same[i]
		switch {
		case other < 0:
			p.hooks = append(p.hooks, p.became(uint32(i), h, served[i]))
		case served[other] == &planned[other].Ways[0]:
			p.hooks = append(p.hooks, p.toldAs(h, planned[other].Name))
		default:
			p.hooks = append(p.hooks, p.became(uint32(i), h, p.serve(uint32(i), h)))
		}
	}
}

// became announces a hook that is served in some way, nil if it is not, and says what became of it.
func (p *policies) became(number uint32, h *plan.Hook, way *plan.Way) event.Hook {
	became := event.Hook{Name: h.Name, Policy: h.Policy.Name}
	switch {
	case way == nil && h.Hook.IgnoreCallNotFound && h.Missing():
		became.Notes = []string{"left out, as the policy allows: this kernel has no such function"}
	case way == nil:
		became.Refused = h.Reasons()
	default:
		became.Backend, became.Tier, became.Via = way.Backend, string(way.Tier), way.Via
		became.Prevents, became.Notes = way.Prevents, way.Notes
		became.Programs = len(way.Definitions)
		p.reporter.Serve(number, *h, *way)
		p.served++
	}
	return became
}

// toldAs says what became of a hook that the programs of another one see too.
func (p *policies) toldAs(h *plan.Hook, other string) event.Hook {
	p.served++
	way := &h.Ways[0]
	return event.Hook{
		Name: h.Name, Policy: h.Policy.Name, Backend: way.Backend, Tier: string(way.Tier), Via: way.Via, Prevents: way.Prevents,
		Notes: append(slices.Clip(way.Notes), "what is seen of it is told as "+other+": no system call tells them apart"),
	}
}

// sideBySide does work for 0 to count - 1, for as many at once as there are CPUs.
func sideBySide(count int, work func(i int)) {
	free := make(chan struct{}, runtime.NumCPU())
	var all sync.WaitGroup
	for i := range count {
		free <- struct{}{}
		all.Go(func() {
			work(i)
			<-free
		})
	}
	all.Wait()
}

// serve takes the first way that the kernel accepts; nil if there is none.
func (p *policies) serve(number uint32, h *plan.Hook) *plan.Way {
	for i := range h.Ways {
		way := &h.Ways[i]
		err := p.loadWay(number, way)
		if err == nil {
			return way
		}
		h.Refused = append(h.Refused, plan.Refusal{Backend: way.Backend, Reason: err})
	}
	return nil
}

// loadWay loads a way's programs; on an error none of them is left.
func (p *policies) loadWay(number uint32, way *plan.Way) error {
	var loaded []*hook.Loaded
	for _, d := range way.Definitions {
		d.Config.Hook = number
		if len(loaded) > 0 {
			d.Beside = loaded[0]
		}
		l, err := p.set.Load(d)
		if err != nil {
			for _, l := range loaded {
				err = errors.Join(err, p.set.Remove(l))
			}
			return err
		}
		loaded = append(loaded, l)
	}
	return nil
}

// nothing is the error of policies of which no hook is served.
func (p *policies) nothing(planned []plan.Hook) error {
	if len(p.hooks) == 1 && len(planned) == 1 {
		h := &planned[0]
		return fmt.Errorf("hook %s of policy %s cannot be served on this node: %s", h.Name, h.Policy.Name, h.Why())
	}
	errs := []error{errors.New("no hook of the policies can be served on this node")}
	enforcers := p.hooks[:len(p.hooks)-len(planned)]
	for _, h := range enforcers {
		errs = append(errs, fmt.Errorf("policy %s: %s: %s", h.Policy, h.Name, h.Refused))
	}
	for i := range planned {
		errs = append(errs, fmt.Errorf("policy %s: %s: %s", planned[i].Policy.Name, planned[i].Name, planned[i].Why()))
	}
	return errors.Join(errs...)
}
