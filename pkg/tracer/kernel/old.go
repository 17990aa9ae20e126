// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"
)

// IsOld says whether this kernel lacks what the programs are written for: loops by a helper, ring buffer records in pieces, cgroups that
// know their ancestors. It gets the same programs then, built without them (OLD_KERNEL in bpf/).
func IsOld(types *btf.Cache) (bool, error) {
	if lacksHelpers() {
		return true, nil
	}
	spec, err := types.Kernel()
	if err != nil {
		return false, noTypes(err)
	}
	var cgroup *btf.Struct
	if err := spec.TypeByName("cgroup", &cgroup); err != nil {
		return false, fmt.Errorf("kernel without cgroups: %w", err)
	}
	return !hasMember(cgroup, "ancestors"), nil
}

// hasMember looks into the unions and structs without a name too.
func hasMember(t btf.Type, name string) bool {
	var members []btf.Member
	switch t := t.(type) {
	case *btf.Struct:
		members = t.Members
	case *btf.Union:
		members = t.Members
	}
	for _, m := range members {
		if m.Name == name || m.Name == "" && hasMember(m.Type, name) {
			return true
		}
	}
	return false
}

// lacksHelpers tries the helpers once. What else can go wrong will do so again when programs are loaded, and is told then.
var lacksHelpers = sync.OnceValue(func() bool {
	for _, helper := range []asm.BuiltinFunc{asm.FnLoop, asm.FnRingbufReserveDynptr} {
		err := features.HaveProgramHelper(ebpf.RawTracepoint, helper)
		if err == nil {
			continue
		}
		// Also where it could not be tried: others' programs may have used up what root may lock.
		liftMemoryLimit()
		if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(features.HaveProgramHelper(ebpf.RawTracepoint, helper), ebpf.ErrNotSupported) {
			return true
		}
	}
	return false
})

// liftMemoryLimit: kernels before 5.11 count what programs and maps take as locked memory of the process. Where it may not be lifted
// (it needs the capability SYS_RESOURCE) loading says so.
func liftMemoryLimit() {
	_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
}

// Specification reads the object of programs that suits this kernel.
func Specification(types *btf.Cache, current, old func() (*ebpf.CollectionSpec, error)) (*ebpf.CollectionSpec, error) {
	isOld, err := IsOld(types)
	if err != nil {
		return nil, err
	}
	if isOld {
		current = old
	}
	spec, err := current()
	if err != nil {
		return nil, fmt.Errorf("read the BPF object: %w", err)
	}
	return spec, nil
}
