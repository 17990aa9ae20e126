// SPDX-License-Identifier: Apache-2.0

// Package layout finds where values lie: the way from a hook's argument to a field through the kernel's structs (Resolve),
// the types of arguments (Parameter, TracepointParameter, LSMParameter), which of the policy's types shows them best
// (TypeFor), and where registers are saved (Registers).
//
// It reads type information (BTF) and tables of the processors' calling conventions, and touches neither the kernel nor BPF.
// All functions may be called at the same time.
package layout
