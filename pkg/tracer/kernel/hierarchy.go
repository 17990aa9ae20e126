// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Hierarchy is a tree of cgroups: the unified one of cgroup v2, or that of a v1 controller. Ids of cgroups are unique in
// one hierarchy only.
type Hierarchy struct {
	// Name is "unified" or the controller's name.
	Name       string
	controller int32
}

// Unified is the hierarchy of cgroup v2; it exists on every kernel, though nothing may be in it.
var Unified = Hierarchy{Name: "unified", controller: -1}

// Hierarchies are those in which container runtimes place containers, the preferred first: the unified one, and the
// controllers that this kernel has, by which older nodes tell containers apart.
func Hierarchies(types *btf.Cache) ([]Hierarchy, error) {
	spec, err := types.Kernel()
	if err != nil {
		return nil, noTypes(err)
	}
	var controllers *btf.Enum
	if err := spec.TypeByName("cgroup_subsys_id", &controllers); err != nil {
		return nil, fmt.Errorf("kernel without cgroup controllers: %w", err)
	}
	found := []Hierarchy{Unified}
	for _, name := range []string{"memory", "pids", "cpu", "freezer", "devices"} {
		for _, value := range controllers.Values {
			if strings.TrimSuffix(value.Name, "_cgrp_id") == name {
				found = append(found, Hierarchy{name, int32(value.Value)})
			}
		}
	}
	return found, nil
}

func noTypes(err error) error {
	return fmt.Errorf("this kernel has no type information (BTF, /sys/kernel/btf/vmlinux), which tracing needs: %w", err)
}

// exitTellsGroupDead says whether the tracepoint sched_process_exit has the argument group_dead (6.16).
func exitTellsGroupDead(types *btf.Cache) (bool, error) {
	spec, err := types.Kernel()
	if err != nil {
		return false, err
	}
	var definition *btf.Typedef
	if err := spec.TypeByName("btf_trace_sched_process_exit", &definition); err != nil {
		return false, fmt.Errorf("kernel without the tracepoint sched_process_exit: %w", err)
	}
	const contextAndTask = 2
	if pointer, ok := definition.Type.(*btf.Pointer); ok {
		if prototype, ok := pointer.Target.(*btf.FuncProto); ok {
			return len(prototype.Params) > contextAndTask, nil
		}
	}
	return false, fmt.Errorf("tracepoint sched_process_exit is a %T, not a pointer to a function", definition.Type)
}
