// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// Workloads is what policies are about as the kernel side knows it: bits that a process's pod or container has.
type Workloads struct {
	selections *policy.Selections
	// narrowed: the session is about some of the targets only, beside what its policies say.
	narrowed bool
}

// NumberWorkloads numbers what the policies of a session select. Narrowed as wire.TracerConfig has it.
func NumberWorkloads(policies []*policy.Policy, narrowed bool) (*Workloads, error) {
	selections, err := policy.NumberSelections(policies)
	if err != nil {
		return nil, err
	}
	return &Workloads{selections, narrowed}, nil
}

// ofPolicy are the bits that all have to be set for a process that a policy is about.
func (w *Workloads) ofPolicy(p *policy.Policy) uint64 {
	bits := w.selections.OfPolicy(p)
	if w.narrowed {
		bits |= policy.SessionSelection
	}
	return bits
}

// differ says whether any workload is told from others in the session.
func (w *Workloads) differ() bool { return w.narrowed || len(w.selections.All()) > 0 }

// workloads narrows the hook to what its policy is about, and has the kernel side find that out where somebody asks: this hook,
// one of its filters, or later one on a socket that this one has tracked.
func (c *compiler) workloads(p *policy.Policy) {
	config := &c.def.Config
	config.Workloads = c.node.Workloads.ofPolicy(p)
	asked := config.Workloads != 0 || tracks(p) && c.node.Workloads.differ()
	for _, f := range c.def.Filters {
		asked = asked || f.Subject == uint8(bpf.HookFilterSubjectSUBJECT_WORKLOADS)
	}
	if asked {
		config.Flags |= uint32(bpf.HookHookFlagsHOOK_TELLS_WORKLOADS)
	}
}

// workloadFilters are those of matchWorkloads: each has to hold.
func (c *compiler) workloadFilters(s *policy.Selector) (all []bpf.HookHookFilter) {
	for _, w := range s.Workloads {
		all = append(all, maskFilter(bpf.HookFilterSubjectSUBJECT_WORKLOADS, 0, false, c.node.Workloads.selections.OfWorkload(w)))
	}
	return all
}
