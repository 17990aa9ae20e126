// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"slices"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// remainder is a function that newer kernels ask about a part of what another was asked about before.
type remainder struct {
	name string
	// of and member: its first argument is a struct of that name, which has the first argument of the other as a member.
	of, member string
}

// split are the functions that lost a part of their calls to another. A hook on the one is about both, as it was on older
// kernels, unless the policy has a hook on the other too.
var split = map[string]remainder{
	"security_path_truncate": {"security_file_truncate", "file", "f_path"}, // 6.2: by descriptors, and at open
}

// otherPart is the function that has the rest of the calls of a function; false if there is none.
func otherPart(p *policy.Policy, name string) (remainder, bool) {
	other, ok := split[name]
	return other, ok && !slices.ContainsFunc(p.Hooks, func(h policy.Hook) bool {
		return slices.ContainsFunc(h.Calls, func(c policy.Call) bool { return c.Function == other.name })
	})
}

// withPart adds to each site of a function the same for the function that has the rest of its calls, where the kernel has it.
func (n *Node) withPart(p *policy.Policy, h *policy.Hook, name string, sites []*site) (routes []route) {
	var more []*site
	if other, ok := otherPart(p, name); ok {
		if f, _, err := n.lookup(other.name); err == nil {
			for _, s := range n.tracedFunction(p, h, f) {
				if other.adapt(s) == nil {
					more = append(more, s)
				}
			}
		}
	}
	for _, s := range sites {
		all := route{s}
		if i := slices.IndexFunc(more, func(m *site) bool { return m.backend == s.backend }); i >= 0 {
			all = append(all, more[i])
		}
		routes = append(routes, all)
	}
	return routes
}

// adapt makes the first argument of a site of the part what the other function has there.
func (o remainder) adapt(s *site) error {
	of, err := layout.Struct(s.spec, o.of)
	if err != nil {
		return err
	}
	walk, err := layout.Resolve(s.spec, of, []policy.Step{{Field: o.member}})
	if err != nil {
		return err
	}
	word, parameter := s.word, s.parameter
	s.word = func(index int) (source, error) {
		from, err := word(index)
		if index == 0 {
			from.Steps = uint8(copy(from.Walk[:], walk.Offsets))
			from.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_ADDRESS)
		}
		return from, err
	}
	s.parameter = func(index int) (btf.Type, error) {
		if index == 0 {
			return &btf.Pointer{Target: walk.Declared}, nil
		}
		return parameter(index)
	}
	return nil
}
