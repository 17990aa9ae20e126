// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

// Attributes of files: what the functions are given is an entry of a directory, which system calls name by a path or a descriptor.

var (
	setting = []equal{
		{enter: []string{"setxattr", "lsetxattr"}, arguments: given(pathAt(argument(0))), note: notePath},
		{enter: []string{"fsetxattr"}, arguments: given(fileOf(argument(0)))},
		{enter: []string{"setxattrat"}, arguments: []seen{nil, pathBelow(argument(0), argument(1)), argument(3),
			inMemory(argument(4), 0, 8), inMemory(argument(4), 8, 4), inMemory(argument(4), 12, 4)}}, // struct xattr_args of include/uapi/linux/xattr.h
	}
	removing = []equal{
		{enter: []string{"removexattr", "lremovexattr"}, arguments: []seen{nil, pathAt(argument(0)), argument(1)}, note: notePath},
		{enter: []string{"removexattrat"}, arguments: []seen{nil, pathBelow(argument(0), argument(1)), argument(3)}},
		{enter: []string{"fremovexattr"}, arguments: []seen{nil, fileOf(argument(0)), argument(1)}},
	}
	// noPath: the call is about the descriptor itself.
	noPath = when{value: argument(1)}
	// controlling are the system calls whose numbers for devices and file systems are the second argument.
	controlling = []equal{
		{enter: []string{"ioctl"}, arguments: []seen{fileOf(argument(0)), argument(1), argument(2)}, note: noteVerdict},
	}
)

// attributeEquals are, as equals, the tracepoints that stand in for functions about attributes.
var attributeEquals = map[string][]equal{
	"security_inode_setattr": {
		{enter: []string{"utime", "utimes"}, arguments: []seen{nil, pathAt(argument(0))}, note: noteTimes},
		{enter: []string{"futimesat", "utimensat"}, arguments: []seen{nil, pathBelow(argument(0), argument(1))}},
		{enter: []string{"futimesat", "utimensat"}, arguments: []seen{nil, fileOf(argument(0))}, when: []when{noPath}},
	},
	"security_inode_setxattr":    setting,
	"security_inode_set_acl":     setting,
	"security_inode_removexattr": removing,
	"security_inode_remove_acl":  removing,
	"security_file_ioctl":        controlling,
	"security_move_mount": {
		{enter: []string{"move_mount"}, arguments: []seen{pathBelow(argument(0), argument(1)), pathBelow(argument(2), argument(3))}, note: noteVerdict},
	},
}

// given is what these functions are given beside the file: the attribute's name, its value with its size, and flags.
func given(file seen) []seen {
	return []seen{nil, file, argument(1), argument(2), argument(3), argument(4)}
}

const noteTimes = "only changes of times are seen; modes and owners are by security_path_chmod and security_path_chown; " + notePath
