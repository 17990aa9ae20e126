// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

func capabilities(c bpf.ProcessCredentials) *event.Capabilities {
	return &event.Capabilities{
		Permitted:   event.CapabilitySet(c.Permitted),
		Effective:   event.CapabilitySet(c.Effective),
		Inheritable: event.CapabilitySet(c.Inheritable),
	}
}

func namespaces(of, host bpf.ProcessNamespaces) *event.Namespaces {
	one := func(inum, host uint32) *event.Namespace {
		if inum == 0 {
			return nil // not in this kernel
		}
		return &event.Namespace{Inum: inum, IsHost: inum == host}
	}
	return &event.Namespaces{
		Uts: one(of.Uts, host.Uts), Ipc: one(of.Ipc, host.Ipc), Mnt: one(of.Mnt, host.Mnt), Pid: one(of.Pid, host.Pid),
		PidForChildren: one(of.PidForChildren, host.PidForChildren), Net: one(of.Net, host.Net), Time: one(of.Time, host.Time),
		TimeForChildren: one(of.TimeForChildren, host.TimeForChildren), Cgroup: one(of.Cgroup, host.Cgroup), User: one(of.User, host.User),
	}
}

// securebitNames by bit, from include/uapi/linux/securebits.h.
var securebitNames = [...]string{
	"SecBitNoRoot", "SecBitNoRootLocked", "SecBitNoSetUidFixup", "SecBitNoSetUidFixupLocked",
	"SecBitKeepCaps", "SecBitKeepCapsLocked", "SecBitNoCapAmbientRaise", "SecBitNoCapAmbientRaiseLocked",
}

func credentials(c bpf.ProcessCredentials, userNamespace, hostUserNamespace uint32) *event.ProcessCredentials {
	var bits []string
	for i, name := range securebitNames {
		if c.Securebits&(1<<i) != 0 {
			bits = append(bits, name)
		}
	}
	return &event.ProcessCredentials{
		Uid: &c.Uid, Gid: &c.Gid, Euid: &c.Euid, Egid: &c.Egid, Suid: &c.Suid, Sgid: &c.Sgid, Fsuid: &c.Fsuid, Fsgid: &c.Fsgid,
		Securebits: bits,
		Caps:       capabilities(c),
		UserNs: &event.UserNamespace{
			Level: &c.UserNsLevel, Uid: &c.UserNsUid, Gid: &c.UserNsGid,
			Ns: &event.Namespace{Inum: userNamespace, IsHost: userNamespace == hostUserNamespace},
		},
	}
}

// Bits of a file's mode, from include/uapi/linux/stat.h.
const (
	modeSetuid = 0o4000
	modeSetgid = 0o2000
)

// binaryProperties says what was special about an exec, nil when nothing was.
func binaryProperties(i *kernel.Image) *event.BinaryProperties {
	var p event.BinaryProperties
	c := i.Credentials
	if i.Mode&modeSetuid != 0 && c.Euid == i.FileUid && c.Uid != c.Euid {
		p.Setuid = &c.Euid
		p.PrivilegesChanged = append(p.PrivilegesChanged, "PRIVILEGES_RAISED_EXEC_FILE_SETUID")
	}
	if i.Mode&modeSetgid != 0 && c.Egid == i.FileGid && c.Gid != c.Egid {
		p.Setgid = &c.Egid
		p.PrivilegesChanged = append(p.PrivilegesChanged, "PRIVILEGES_RAISED_EXEC_FILE_SETGID")
	}
	if i.Links == 0 && i.Inode != 0 {
		links := i.Links
		p.File = &event.FileProperties{Inode: &event.InodeProperties{Number: i.Inode, Links: &links}}
	}
	if p.Setuid == nil && p.Setgid == nil && p.File == nil {
		return nil
	}
	return &p
}
