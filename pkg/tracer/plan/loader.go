// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// The section loader is about files that are mapped to be executed. The kernel itself reads their build ids where it tells perf
// events of mappings; where that cannot be seen, what is asked before a file is mapped is, which knows the file alone.
const (
	// mapped is the function that tells a perf event of a mapping: (struct perf_event *event, void *data). Only kprobes see
	// it: its source file is compiled without what the others need.
	mapped = "perf_event_mmap_output"
	// mapping is data's type, struct perf_mmap_event.
	mapping = "perf_mmap_event"
	// askedBefore the mapping.
	askedBefore = security + "mmap_file"
)

// protExecute is PROT_EXEC, include/uapi/asm-generic/mman-common.h.
const protExecute = 4

const noteBuildID = "build ids are read from the files, which fails where a process has ended: the kernel itself reads them where only a kprobe sees it"

// atMapped is the hook where the kernel has read the build id; marker is that of the perf events that are ours.
func atMapped(marker uint64) *policy.Hook {
	of := func(index int, field, kind string) policy.Argument {
		return policy.Argument{Index: index, Type: policy.LookupArgumentType(kind), Resolve: []policy.Step{{Field: field}}, SizeIndex: -1}
	}
	return &policy.Hook{
		Kind: policy.Loader, Calls: []policy.Call{{Function: mapped}},
		Args: []policy.Argument{
			of(1, "vm_file", "file"), of(1, "prot", "uint32"), of(1, "build_id", "const_buf"), of(0, "config1", "uint64"),
		},
		Selectors: selected(0, 1, policy.ArgumentFilter{
			Operator: "Equal", Match: policy.MatchRange, Args: []int{3},
			Operands: policy.Operands{Ranges: []policy.Range{{Min: marker, Max: marker}}},
		}),
	}
}

// beforeMapped is the hook without the build id.
var beforeMapped = &policy.Hook{
	Kind: policy.Loader, Calls: []policy.Call{{Function: askedBefore}},
	Args: []policy.Argument{
		{Index: 0, Type: policy.LookupArgumentType("file"), SizeIndex: -1},
		{Index: 1, Type: policy.LookupArgumentType("uint32"), SizeIndex: -1},
	},
	Selectors: selected(0, 1),
}

// selected is the selector for files that are mapped to be executed, by the places of the file and of the protection.
func selected(file, protection int, more ...policy.ArgumentFilter) []policy.Selector {
	return []policy.Selector{{Args: append(more,
		policy.ArgumentFilter{Operator: "Mask", Match: policy.MatchMask, Args: []int{protection}, Operands: policy.Operands{Masks: []uint64{protExecute}}},
		policy.ArgumentFilter{Operator: "Prefix", Match: policy.MatchPrefix, Args: []int{file}, Operands: policy.Operands{Strings: []string{"/"}}},
	)}}
}

func (n *Node) loaderSites(p *policy.Policy) (routes []route, refused []Refusal) {
	if s, err := n.mappedSite(); err != nil {
		refused = append(refused, Refusal{string(hook.Kprobe), err})
	} else {
		routes = append(routes, route{s})
	}
	before, none := n.functionSites(p, beforeMapped, askedBefore)
	for _, r := range before {
		for _, s := range r {
			s.config.Flags |= uint32(bpf.HookHookFlagsHOOK_WAKES)
			s.hook, s.notes = beforeMapped, append(slices.Clone(s.notes), noteBuildID)
		}
	}
	return append(routes, before...), append(refused, none...)
}

// mappedSite sees the kernel tell a perf event of the tracer's of a mapping.
func (n *Node) mappedSite() (*site, error) {
	f, _, err := n.lookup(mapped)
	if err != nil {
		return nil, err
	}
	s := n.probe(f)
	s.result = nil
	for s.entry.Mappings == 0 {
		s.entry.Mappings = rand.Uint64()
	}
	s.hook = atMapped(s.entry.Mappings)
	s.part = func(index int, field string) (source, bool, error) {
		from, err := n.mappedPart(s, index, field)
		return from, true, err
	}
	return s, nil
}

// mappedParts are the fields of atMapped by the struct and the way there.
var mappedParts = map[string]struct {
	of  string
	way []policy.Step
}{
	"vm_file":       {mapping, []policy.Step{{Field: "vma"}, {Field: "vm_file"}}},
	"prot":          {mapping, []policy.Step{{Field: "prot"}}},
	"build_id":      {mapping, []policy.Step{{Field: "build_id"}}},
	"build_id_size": {mapping, []policy.Step{{Field: "build_id_size"}}},
	"config1":       {"perf_event", []policy.Step{{Field: "attr"}, {Field: "config1"}}},
}

func (n *Node) mappedPart(s *site, index int, field string) (source, error) {
	part := mappedParts[field]
	from, err := s.word(index)
	if err != nil {
		return from, err
	}
	of, err := layout.Struct(s.spec, part.of)
	if err != nil {
		return from, err
	}
	walk, err := layout.Resolve(s.spec, &btf.Pointer{Target: of}, part.way)
	if err != nil {
		return from, err
	}
	from.Source = uint8(bpf.HookValueSourceFROM_CONTEXT)
	from.Steps, from.Size = uint8(copy(from.Walk[:], walk.Offsets)), uint8(min(walk.Size, word))
	if !walk.ByAddress {
		return from, nil
	}
	if walk.Size != executable.LongestBuildID {
		return from, fmt.Errorf("%s of %s has %d bytes, want %d", field, part.of, walk.Size, executable.LongestBuildID)
	}
	from.Flags |= uint8(bpf.HookArgumentFlagsARGUMENT_ADDRESS)
	size, err := n.mappedPart(s, index, field+"_size")
	size.ShiftLeft, size.ShiftRight = 64-8*size.Size, 64-8*size.Size // it is read as a whole word
	from.beside = &size
	return from, err
}
