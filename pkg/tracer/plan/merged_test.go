// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// functions are hooks for which several system calls stand in, with the most programs that they may take for both ABIs.
var functions = map[string]struct {
	args string
	most int
}{
	"security_path_rename":       {"{index: 1, type: dentry}, {index: 3, type: dentry}", 1},
	"security_path_link":         {"{index: 0, type: dentry}, {index: 2, type: dentry}", 1},
	"security_path_unlink":       {"{index: 0, type: path}, {index: 1, type: dentry}", 1},
	"security_path_rmdir":        {"{index: 0, type: path}, {index: 1, type: dentry}", 1},
	"security_path_mknod":        {"{index: 1, type: dentry}, {index: 2, type: uint16}, {index: 3, type: uint32}", 1},
	"security_path_chmod":        {"{index: 0, type: path}, {index: 1, type: uint16}", 2},
	"security_path_chown":        {"{index: 0, type: path}, {index: 1, type: int}, {index: 2, type: int}", 2},
	"security_path_truncate":     {"{index: 0, type: path}", 3},
	"security_inode_setattr":     {"{index: 1, type: dentry}", 2},
	"security_inode_setxattr":    {"{index: 1, type: dentry}", 2},
	"security_inode_removexattr": {"{index: 1, type: dentry}, {index: 2, type: string}", 2},
	"security_file_permission":   {"{index: 0, type: file}, {index: 1, type: int}", 5},
	"security_mmap_file":         {"{index: 0, type: file}, {index: 1, type: ulong}", 2},
	"security_sb_mount":          {"{index: 1, type: path}", 1},
}

// standing is where an argument's word stands for one system call, in one form whether a layout says it or not.
type standing struct {
	offset   uint32
	mask     uint64
	constant int64
}

func standingOf(d *hook.Definition, place int, number uint32, compat bool) any {
	a := d.Arguments[place]
	switch bpf.HookValueSource(a.Source) {
	case bpf.HookValueSourceFROM_REGISTERS:
		mask := ^uint64(0)
		if a.Scale == 1 {
			mask = 1<<32 - 1
		}
		return standing{offset: a.Offset, mask: mask}
	case bpf.HookValueSourceFROM_CONSTANT:
		return standing{constant: int64(a.Constant)}
	case bpf.HookValueSourceFROM_LAYOUT:
		for _, l := range d.Layouts {
			if compat && slices.Contains(l.Compat, number) || !compat && slices.Contains(l.Syscalls, number) {
				w := l.Words[a.Offset]
				return standing{w.Offset, w.Mask, int64(w.Constant)}
			}
		}
		return "no layout"
	}
	return a
}

// TestMergedSeesTheSame: what one program does in the place of several it does for the same system calls, with the same words.
func TestMergedSeesTheSame(t *testing.T) {
	registers, err := layout.RegistersOf("amd64")
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Kernel: layout.NewKernel(), Registers: registers, Armed: true, Marks: &Marks{}}
	for name, f := range functions {
		text := "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: p}\nspec: {kprobes: [{call: " + name + ", syscall: false, args: [" + f.args +
			"], selectors: [{matchArgs: [{index: " + f.args[len("{index: "):len("{index: ")+1] + ", operator: Prefix, values: [/etc/]}], matchActions: [{action: Sigkill}]}]}]}"
		file, err := policy.Parse("p", strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := file.Policies[0]
		if n.Workloads, err = NumberWorkloads(file.Policies, false); err != nil {
			t.Fatal(err)
		}
		routes, refused := n.equalRoutes(p, name)
		if len(routes) != 1 {
			t.Fatalf("%s: %v", name, refused)
		}
		var apart []*hook.Definition
		for _, s := range routes[0] {
			d, _, _, err := compile(n, p, &p.Hooks[0], name, s)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			apart = append(apart, d)
		}
		together := n.merged(apart)
		if len(together) > f.most {
			t.Errorf("%s: %d programs, want at most %d", name, len(together), f.most)
		}
		calls := 0
		for _, d := range together {
			calls += len(d.Attachments[0].Syscalls) + len(d.Attachments[0].Compat)
		}
		for _, d := range apart {
			calls -= sameIn(t, together, d)
		}
		if calls != 0 {
			t.Errorf("%s: the merged see %d system calls more", name, calls)
		}
	}
}

// sameIn looks for each of a definition's system calls in those that were merged; it returns how many they are.
func sameIn(t *testing.T, together []*hook.Definition, d *hook.Definition) int {
	t.Helper()
	at := d.Attachments[0]
	check := func(number uint32, compat bool) {
		if !slices.ContainsFunc(together, func(m *hook.Definition) bool { return seesAs(m, d, number, compat) }) {
			t.Errorf("%s: system call %d (compat %v) is not seen as before", d.Name, number, compat)
		}
	}
	for _, number := range at.Syscalls {
		check(number, false)
	}
	for _, number := range at.Compat {
		check(number, true)
	}
	return len(at.Syscalls) + len(at.Compat)
}

// seesAs says whether m does for a system call what d does.
func seesAs(m, d *hook.Definition, number uint32, compat bool) bool {
	have, want := m.Attachments[0], d.Attachments[0]
	calls := have.Syscalls
	if compat {
		calls = have.Compat
	}
	if !slices.Contains(calls, number) || have.Mechanism != want.Mechanism || len(m.Arguments) != len(d.Arguments) ||
		!slices.Equal(m.Filters, d.Filters) || !slices.Equal(m.Operands, d.Operands) || !slices.Equal(m.Selectors, d.Selectors) {
		return false
	}
	for place := range d.Arguments {
		have, want := m.Arguments[place], d.Arguments[place]
		if standingOf(m, place, number, compat) != standingOf(d, place, number, compat) || have.Kind != want.Kind || have.Flags != want.Flags ||
			have.Beside != want.Beside || have.Walk != want.Walk || have.ShiftLeft != want.ShiftLeft || have.ShiftRight != want.ShiftRight {
			return false
		}
	}
	return true
}
