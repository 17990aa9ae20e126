// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"path"
	"slices"
	"strings"
)

// DenyExec is the policy that lets no program of these paths start: neither if the kernel finds it there, symbolic links
// followed, nor if it is named so by who starts it, nor by a loader that maps it. A path that ends in a slash stands for all below it.
// That the file gets another name first, by a link or by being moved, is denied too.
func DenyExec(paths []string, d Denial) Policy {
	p := splitPrograms(paths)
	executed := ofKernel("security_bprm_check", Argument{Index: 0, Type: "linux_binprm"}, Argument{Index: 0, Type: "string", Resolve: "filename", Label: "name"})
	executed.Selectors = append(p.running(), p.named()...)
	return Policy{Name: "deny-exec", Kprobes: d.hooks(append([]Hook{executed}, append(p.mapped(), p.renamed()...)...)), Beyond: p.beyond()}
}

func (p programs) beyond() []string {
	all := []string{"a copy of the program, in a file or in memory", otherPaths, "a script that its interpreter is given to read (sh SCRIPT)", "what runs already"}
	if len(p.below) > 0 {
		all = append(all, "what is moved out of a folder first")
	}
	return all
}

// programs are the paths that --deny-exec has: those of programs, and those of folders, which end in a slash.
type programs struct{ itself, below []string }

func splitPrograms(paths []string) (p programs) {
	for _, path := range paths {
		if strings.HasSuffix(path, "/") {
			p.below = append(p.below, path)
		} else {
			p.itself = append(p.itself, path)
		}
	}
	return p
}

// deleted is what the kernel's path of a file ends in when its last name was removed: by a descriptor it can be executed still.
const deleted = " (deleted)"

// running match where argument 0 is the file of one of the programs, and what is in and holds too.
func (p programs) running(and ...Filter) []Selector {
	itself := slices.Clone(p.itself)
	for _, path := range p.itself {
		itself = append(itself, path+deleted)
	}
	return programs{itself, p.below}.selectors(Filter{Index: 0}, and...)
}

// named match where what a program was called as is one of the paths, or below one that ends in a slash.
func (p programs) named() []Selector { return p.selectors(Filter{Place: new(1)}) }

// selectors match where the argument that a filter is about is one of the paths, or below one that ends in a slash, and what is in and
// holds too.
func (p programs) selectors(argument Filter, and ...Filter) (all []Selector) {
	for _, is := range []struct {
		operator string
		paths    []string
	}{{"Equal", p.itself}, {"Prefix", p.below}} {
		if len(is.paths) > 0 {
			argument.Operator, argument.Values = is.operator, is.paths
			all = append(all, Selector{MatchArgs: append([]Filter{argument}, and...)})
		}
	}
	return all
}

// Bits of mappings: PROT_READ and PROT_EXEC (include/uapi/asm-generic/mman-common.h), and READ_IMPLIES_EXEC, by which a process has all
// that it may read executable (include/uapi/linux/personality.h).
const (
	protRead        = "1"
	protExec        = "4"
	readImpliesExec = "0x400000"
)

// mapped: a loader that is told to start a program, as ld.so can be, executes only itself and maps the program.
func (p programs) mapped() []Hook {
	mapping := ofKernel("security_mmap_file", Argument{Index: 0, Type: "file"}, Argument{Index: 1, Type: "ulong", Label: "prot"})
	mapping.Data = []Argument{{Type: "uint32", Source: "current_task", Resolve: "personality", Label: "personality"}}
	implied := p.running(Filter{Index: 1, Operator: "Mask", Values: []string{protRead}})
	for i := range implied { // the function is asked about what was asked for, to which that is added afterwards
		implied[i].MatchData = []Filter{{Index: 0, Operator: "Mask", Values: []string{readImpliesExec}}}
	}
	mapping.Selectors = append(p.running(Filter{Index: 1, Operator: "Mask", Values: []string{protExec}}), implied...)
	protect := ofKernel("security_file_mprotect", Argument{Index: 0, Type: "file", Resolve: "vm_file"}, Argument{Index: 2, Type: "ulong", Label: "prot"})
	protect.Selectors = p.running(Filter{Index: 2, Operator: "Mask", Values: []string{protExec}})
	return []Hook{mapping, protect}
}

// renameExchange is RENAME_EXCHANGE of include/uapi/linux/fs.h: what is at the new name gets the old one.
const renameExchange = "2"

// renamed: the file of a program, or all of a folder, gets another path. A file that is moved out of a folder is not in it any more: that
// is not denied, as programs do so with what they made there.
func (p programs) renamed() []Hook {
	link := ofKernel("security_path_link", Argument{Index: 0, Type: "dentry"}, Argument{Index: 1, Type: "path"}, Argument{Index: 2, Type: "dentry"})
	if len(p.itself) > 0 {
		link.Selectors = append(link.Selectors, Selector{MatchArgs: []Filter{{Index: 0, Operator: "Equal", Values: p.itself}}})
	}
	if len(p.below) > 0 {
		link.Selectors = append(link.Selectors, Selector{MatchArgs: []Filter{{Index: 0, Operator: "Prefix", Values: p.below}, {Index: 2, Operator: "NotPrefix", Values: p.below}}})
	}
	rename := ofKernel("security_path_rename", Argument{Index: 0, Type: "path"}, Argument{Index: 1, Type: "dentry"}, Argument{Index: 2, Type: "path"},
		Argument{Index: 3, Type: "dentry"}, Argument{Index: 4, Type: "uint32", Label: "flags"})
	moved := p.andAbove()
	rename.Selectors = []Selector{
		{MatchArgs: []Filter{{Index: 1, Operator: "Equal", Values: moved}}},
		{MatchArgs: []Filter{{Index: 3, Operator: "Equal", Values: moved}, {Index: 4, Operator: "Mask", Values: []string{renameExchange}}}},
	}
	return []Hook{link, rename}
}

// andAbove are the paths and those of all folders above them.
func (p programs) andAbove() (all []string) {
	for _, at := range slices.Concat(p.itself, p.below) {
		for at = path.Clean(at); at != "/" && !slices.Contains(all, at); at = path.Dir(at) {
			all = append(all, at)
		}
	}
	return all
}
