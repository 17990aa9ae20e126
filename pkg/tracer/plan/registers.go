// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"reflect"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
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
	if a.Error != 0 && c.site.jump != nil {
		return c.returning(int64(a.Error)), nil
	}
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

// returning makes a function that has just been entered return a value at once.
func (c *compiler) returning(value int64) []hook.Assignment {
	result, goesOn := c.node.Registers.Result(), c.node.Registers.Instruction()
	set := func(r layout.Register) hook.Assignment { return hook.Assignment{Offset: r.Offset, Size: r.Size} }
	answer, back := set(result), set(goesOn)
	answer.Add = value
	if link, ok := c.node.Registers.Lookup("lr"); ok { // where to return to is in a register
		back.From, back.FromSize = link.Offset, link.Size
		return []hook.Assignment{answer, back}
	}
	stack, _ := c.node.Registers.Lookup("rsp")
	back.From, back.FromSize, back.Dereference = stack.Offset, stack.Size, true
	pop := set(stack)
	pop.From, pop.FromSize, pop.Add = stack.Offset, stack.Size, int64(stack.Size)
	return []hook.Assignment{answer, back, pop}
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
