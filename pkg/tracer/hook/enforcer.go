// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
)

// LoadEnforcer makes a kernel function fail in threads for which a hook has left a note (ACTION_NOTIFY_ENFORCER).
func (s *Set) LoadEnforcer(function string) error {
	if !strings.HasPrefix(function, "security_") {
		return errors.New("only functions security_… can be made to fail")
	}
	spec, err := bpf.LoadEnforcer()
	if err != nil {
		return fmt.Errorf("read the BPF object of enforcers: %w", err)
	}
	p := spec.Programs["enforcer"]
	p.Type, p.AttachType, p.AttachTo = ebpf.Tracing, ebpf.AttachModifyReturn, function
	collection, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		MapReplacements: s.replacements(spec), Cache: s.types,
	})
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("enforcer %s: %w", function, unavailable(FModifyReturn, err))
		}
		return refused(&Definition{Name: "enforcer " + function}, err)
	}
	l := &Loaded{Definition: &Definition{Name: "enforcer " + function}, collection: collection}
	s.loaded = append(s.loaded, l)
	attached, err := link.AttachTracing(link.TracingOptions{Program: collection.Programs["enforcer"], AttachType: ebpf.AttachModifyReturn})
	if err != nil {
		return fmt.Errorf("enforcer %s: %w", function, err)
	}
	l.links = append(l.links, attached)
	return nil
}
