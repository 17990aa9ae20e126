// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"reflect"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/program"
)

// registers compiles what an Override does to the registers of a program. The selectors of a hook share it: where a register
// is has to be known when programs are loaded.
func (c *compiler) registers(a policy.Action) error {
	list, err := c.assignments(a)
	if err != nil || len(list) == 0 {
		return err
	}
	if c.def.Registers != nil && !reflect.DeepEqual(c.def.Registers, list) {
		return errors.New("Override of registers: all selectors of a hook must set the same")
	}
	if c.armed {
		c.def.Registers = list
		c.def.Config.Flags |= uint32(bpf.HookHookFlagsHOOK_SETS_REGISTERS)
	}
	return nil
}

func (c *compiler) assignments(a policy.Action) (list []hook.Assignment, err error) {
	for _, r := range a.Registers {
		to, err := c.node.Registers.Named(r.Register)
		if err != nil {
			return nil, err
		}
		one := hook.Assignment{Offset: to.Offset, Size: to.Size, Add: r.Offset, Dereference: r.Dereference}
		if r.Source.Name != "" {
			from, err := c.node.Registers.Named(r.Source)
			if err != nil {
				return nil, err
			}
			one.From, one.FromSize = from.Offset, from.Size
		}
		list = append(list, one)
	}
	if a.NewSymbol == "" && a.NewAddress == 0 && a.NewOffset == 0 {
		return list, nil
	}
	if c.site.jump == nil {
		return nil, errors.New("Override to another address: only a uprobe can do that")
	}
	distance, err := c.site.jump(a)
	if err != nil {
		return nil, err
	}
	pointer := c.node.Registers.Instruction()
	return append(list, hook.Assignment{Offset: pointer.Offset, Size: pointer.Size, From: pointer.Offset, FromSize: pointer.Size, Add: distance}), nil
}

// jump is how far the place that an Override names is from that of the hook.
func jump(file *program.File, places []program.Place, a policy.Action) (int64, error) {
	if len(places) != 1 {
		return 0, errors.New("Override to another address: the hook must have one place")
	}
	target := &policy.Program{}
	switch {
	case a.NewSymbol != "":
		target.Symbols = []policy.Symbol{{Name: a.NewSymbol}}
	case a.NewAddress != 0:
		target.Addresses = []uint64{a.NewAddress}
	default:
		target.Offsets = []uint64{a.NewOffset}
	}
	there, err := file.Places(target)
	if err != nil {
		return 0, err
	}
	return int64(there[0].Offset) - int64(places[0].Offset), nil
}
