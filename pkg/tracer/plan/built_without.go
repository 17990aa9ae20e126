// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// option is a part of the kernel that some are built without; the struct has the field only with it.
type option struct{ config, of, field string }

// options that values of a kind cannot be read without.
var options = map[bpf.HookArgumentKind]option{
	bpf.HookArgumentKindKIND_LOAD_INFO: {"CONFIG_MODULES", "load_info", "mod"},
}

// builtFor says why values of a kind cannot be read on a kernel as it was built.
func (n *Node) builtFor(kind uint8, t *policy.ArgumentType) error {
	needed, ok := options[bpf.HookArgumentKind(kind)]
	if !ok {
		return nil
	}
	spec, err := n.Kernel.Spec()
	if err != nil {
		return err
	}
	of, err := layout.Struct(spec, needed.of)
	if err == nil {
		_, err = layout.Resolve(spec, &btf.Pointer{Target: of}, []policy.Step{{Field: needed.field}})
	}
	if err != nil {
		return fmt.Errorf("type %s: this kernel was built without %s", t, needed.config)
	}
	return nil
}
