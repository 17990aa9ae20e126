// SPDX-License-Identifier: Apache-2.0

package compose

// Denial is what is done about a call that is forbidden: it fails with EPERM, or with Kill its process dies, of which the call
// fails too where a kernel can make it.
type Denial struct{ Kill bool }

// selectors gives selectors the action.
func (d Denial) selectors(all []Selector) []Selector {
	action := Action{Action: "Override", ArgError: -1}
	if d.Kill {
		action = Action{Action: "Sigkill"}
	}
	for i := range all {
		all[i].MatchActions = []Action{action}
	}
	return all
}

// hooks gives the selectors of hooks the action.
func (d Denial) hooks(all []Hook) []Hook {
	for i := range all {
		all[i].Selectors = d.selectors(all[i].Selectors)
	}
	return all
}

// otherPaths are what no policy about paths knows a file by.
const otherPaths = "a hard link from before, or a mount that gives it another path"

// mayWrite is MAY_WRITE of include/linux/fs.h.
const mayWrite = "2"

// DenyWrite is the policy that lets nothing change the files of these prefixes and all below them: their content, their names
// and attributes, and what is in their folders.
func DenyWrite(prefixes []string, d Denial) Policy {
	paths := FilePaths{Prefixes: prefixes}
	write := ofKernel("security_file_permission", Argument{Index: 0, Type: "file"}, Argument{Index: 1, Type: "int", Label: "mask"})
	write.Selectors = paths.selectors(0, Filter{Index: 1, Operator: "Mask", Values: []string{mayWrite}})
	p := Policy{Name: "deny-write", Kprobes: []Hook{write}, Beyond: []string{otherPaths, "a mapping that is shared and writable already"}}
	for _, o := range fileOperations {
		if o.Changes && o.hooks != nil {
			p.Kprobes = append(p.Kprobes, o.hooks(paths)...)
		}
	}
	p.Kprobes = d.hooks(append(p.Kprobes, denied(paths)...))
	return p
}

// vmShared is VM_SHARED of include/linux/mm.h.
const vmShared = "8"

// ioctls that change a file without writing to it, by their numbers: FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS and FS_IOC_FSSETXATTR of
// include/uapi/linux/fs.h.
var changingIoctls = []string{"0x40086602", "0x40046602", "0x401c5820"}

// denied are the hooks on changes that nobody watches with `file`: on attributes of all kinds, on mappings that become writable, and on
// what is mounted there.
func denied(p FilePaths) (all []Hook) {
	for _, function := range []string{"security_inode_setattr", "security_inode_setxattr", "security_inode_removexattr", "security_inode_set_acl", "security_inode_remove_acl"} {
		h := ofKernel(function, Argument{Index: 1, Type: "dentry"})
		h.Selectors = p.selectors(1)
		h.Ignore = &Ignore{CallNotFound: true} // functions about ACLs came with Linux 6.2
		all = append(all, h)
	}
	for _, function := range []string{"security_file_ioctl", "security_file_ioctl_compat"} {
		h := ofKernel(function, Argument{Index: 0, Type: "file"}, Argument{Index: 1, Type: "uint32", Label: "cmd"})
		h.Selectors = p.selectors(0, Filter{Index: 1, Operator: "Equal", Values: changingIoctls})
		h.Ignore = &Ignore{CallNotFound: true}
		all = append(all, h)
	}
	protect := ofKernel("security_file_mprotect", Argument{Index: 0, Type: "file", Resolve: "vm_file"}, Argument{Index: 2, Type: "ulong", Label: "prot"},
		Argument{Index: 0, Type: "ulong", Label: "flags", Resolve: "vm_flags"})
	protect.Selectors = p.selectors(0, Filter{Index: 2, Operator: "Mask", Values: []string{protWrite}}, Filter{Place: new(2), Operator: "Mask", Values: []string{vmShared}})
	mount := ofKernel("security_sb_mount", Argument{Index: 1, Type: "path"})
	mount.Selectors = p.selectors(1)
	move := ofKernel("security_move_mount", Argument{Index: 0, Type: "path"}, Argument{Index: 1, Type: "path"})
	move.Selectors = append(p.selectors(0), p.selectors(1)...)
	return append(all, protect, mount, move)
}

// DenyConnect is the policy that lets nobody connect to addresses of these networks (CIDR), over any protocol that connects, nor send a
// message there without a connection: over UDP, by a raw socket, or with the first data of a connection (TCP Fast Open).
func DenyConnect(networks []string, d Denial) Policy {
	h := ofKernel("security_socket_connect", Argument{Index: 0, Type: "socket"}, Argument{Index: 1, Type: "sockaddr"})
	h.Selectors = []Selector{{MatchArgs: []Filter{{Index: 1, Operator: "SAddr", Values: networks}}}}
	message := ofKernel(NetSend, Argument{Index: 0, Type: "socket"}, Argument{Index: 1, Type: "sockaddr", Resolve: "msg_name"})
	message.Selectors = []Selector{{MatchArgs: []Filter{{Index: 1, Operator: "SAddr", Values: networks}}}}
	return Policy{Name: "deny-connect", Kprobes: d.hooks([]Hook{h, message}), Beyond: []string{"connections from before", "what others forward"}}
}
