// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import "slices"

// pathEquals are the functions that decide about names of files: each is asked by system calls with and without a descriptor
// of the directory. They are seen when they return: only then what they were given is sure to be in memory. Of one function the
// rows have the same conditions, also where a system call implies them, so that one program serves all (see merged).
var pathEquals = map[string][]equal{
	"security_path_unlink": {
		returned("unlink", entry(pathAt(argument(0)))).if_(bitOf(is(0), removeDirectoryBit, false)),
		returned("unlinkat", entry(pathBelow(argument(0), argument(1)))).if_(bit(2, removeDirectoryBit, false)),
	},
	"security_path_rmdir": {
		returned("rmdir", entry(pathAt(argument(0)))).if_(bitOf(is(1<<removeDirectoryBit), removeDirectoryBit, true)),
		returned("unlinkat", entry(pathBelow(argument(0), argument(1)))).if_(bit(2, removeDirectoryBit, true)),
	},
	"security_path_mkdir": {
		returned("mkdir", entry(pathAt(argument(0))), one(argument(1))),
		returned("mkdirat", entry(pathBelow(argument(0), argument(1))), one(argument(2))),
	},
	"security_path_mknod": {
		returned("mknod", entry(pathAt(argument(0))), one(argument(1)), one(argument(2))),
		returned("mknodat", entry(pathBelow(argument(0), argument(1))), one(argument(2)), one(argument(3))),
	},
	"security_path_symlink": {
		returned("symlink", entry(pathAt(argument(1))), one(argument(0))),
		returned("symlinkat", entry(pathBelow(argument(1), argument(2))), one(argument(0))),
	},
	"security_path_link": {
		returned("link", one(pathAt(argument(0))), entry(pathAt(argument(1)))),
		returned("linkat", one(pathBelow(argument(0), argument(1))), entry(pathBelow(argument(2), argument(3)))),
	},
	"security_path_rename": {
		returned("rename", entry(pathAt(argument(0))), entry(pathAt(argument(1))), one(is(0))),
		returned("renameat", entry(pathBelow(argument(0), argument(1))), entry(pathBelow(argument(2), argument(3))), one(is(0))),
		returned("renameat2", entry(pathBelow(argument(0), argument(1))), entry(pathBelow(argument(2), argument(3))), one(argument(4))),
	},
	"security_path_chmod": {
		returned("chmod", one(pathAt(argument(0))), one(argument(1))),
		returned("fchmod", one(fileOf(argument(0))), one(argument(1))),
		returned("fchmodat", one(pathBelow(argument(0), argument(1))), one(argument(2))),
		returned("fchmodat2", one(pathBelow(argument(0), argument(1))), one(argument(2))),
	},
	"security_path_chown": {
		returned("chown", one(pathAt(argument(0))), one(argument(1)), one(argument(2))),
		returned("lchown", one(pathAt(argument(0))), one(argument(1)), one(argument(2))),
		returned("fchown", one(fileOf(argument(0))), one(argument(1)), one(argument(2))),
		returned("fchownat", one(pathBelow(argument(0), argument(1))), one(argument(2)), one(argument(3))),
	},
}

// entry is an entry of a directory as these functions are given it: the directory and the name in it.
func entry(path seen) []seen { return []seen{directoryOf(path), path} }

func one(value seen) []seen { return []seen{value} }

// returned is a system call that tried what the function decides about.
func returned(name string, arguments ...[]seen) equal {
	return equal{exit: []string{name}, arguments: slices.Concat(arguments...), when: tried, note: noteTried}
}

// if_ adds a condition.
func (e equal) if_(w when) equal {
	e.when = append(slices.Clone(e.when), w)
	return e
}
