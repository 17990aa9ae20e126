// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// mapping is the function that the section loader watches.
const mapping = security + "mmap_file"

// protExecute is PROT_EXEC, include/uapi/asm-generic/mman-common.h.
const protExecute = 4

// loaderHook is what the section loader stands for: files that are mapped to be executed.
var loaderHook = &policy.Hook{
	Kind: policy.Loader, Calls: []policy.Call{{Function: mapping}},
	Args: []policy.Argument{
		{Index: 0, Type: policy.LookupArgumentType("file"), SizeIndex: -1},
		{Index: 1, Type: policy.LookupArgumentType("uint32"), SizeIndex: -1},
	},
	Selectors: []policy.Selector{{Args: []policy.ArgumentFilter{
		{Operator: "Mask", Match: policy.MatchMask, Args: []int{1}, Operands: policy.Operands{Masks: []uint64{protExecute}}},
		{Operator: "Prefix", Match: policy.MatchPrefix, Args: []int{0}, Operands: policy.Operands{Strings: []string{"/"}}},
	}}},
}

func (n *Node) loaderSites(p *policy.Policy) ([]route, []Refusal) {
	return n.functionSites(p, loaderHook, mapping)
}
