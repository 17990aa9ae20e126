// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"slices"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// hashes says whether a hook wants the IMA hash of the file that it is about.
func hashes(h *policy.Hook) bool {
	return slices.ContainsFunc(h.Selectors, func(s policy.Selector) bool {
		return slices.ContainsFunc(s.Actions, func(a policy.Action) bool { return a.IMA })
	})
}

// hashed are the flags by the type of an LSM hook's first argument.
var hashed = map[string]bpf.HookHookFlags{
	"file":         bpf.HookHookFlagsHOOK_HASHES,
	"linux_binprm": bpf.HookHookFlagsHOOK_HASHES | bpf.HookHookFlagsHOOK_HASHES_BINPRM,
}

// noHash says why a site does not read the file's hash.
func (n *Node) noHash(s *site) string {
	if s.entry == nil || s.entry.Mechanism != hook.LSM {
		return "imaHash: the hash is not read by " + s.backend + ", only by a program that is an LSM hook itself"
	}
	if !n.hasHashes() {
		return "imaHash: the hash is not read, as this kernel has no helper for it (bpf_ima_file_hash, since 5.18)"
	}
	return "imaHash: the hash is not read, as the first argument of this LSM hook is no file and no linux_binprm"
}

// hasHashes says whether programs can read the hash. It cannot be tried without a file, but kernels list what helpers they have.
func (n *Node) hasHashes() bool {
	spec, err := n.Kernel.Spec()
	if err != nil {
		return false
	}
	var helpers *btf.Enum
	if spec.TypeByName("bpf_func_id", &helpers) != nil {
		return false
	}
	return slices.ContainsFunc(helpers.Values, func(v btf.EnumValue) bool { return v.Name == "BPF_FUNC_ima_file_hash" })
}

// hash makes a site of an LSM hook read the file's hash, where its first argument has one.
func (s *site) hash(spec *btf.Spec, name string) {
	first, err := layout.LSMParameter(spec, name, 0)
	if err != nil {
		return
	}
	t, err := layout.TypeFor(first)
	if err != nil || hashed[t.Name] == 0 {
		return
	}
	s.entry.Stage = hook.Hashing
	s.config.Flags |= uint32(hashed[t.Name])
}
