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

// namespace is one of them; nil for one that this kernel does not have.
func namespace(inum, host uint32) *event.Namespace {
	if inum == 0 {
		return nil
	}
	return &event.Namespace{Inum: inum, IsHost: inum == host}
}

func namespaces(of, host bpf.ProcessNamespaces) *event.Namespaces {
	return &event.Namespaces{
		Uts: namespace(of.Uts, host.Uts), Ipc: namespace(of.Ipc, host.Ipc), Mnt: namespace(of.Mnt, host.Mnt), Pid: namespace(of.Pid, host.Pid),
		PidForChildren: namespace(of.PidForChildren, host.PidForChildren), Net: namespace(of.Net, host.Net), Time: namespace(of.Time, host.Time),
		TimeForChildren: namespace(of.TimeForChildren, host.TimeForChildren), Cgroup: namespace(of.Cgroup, host.Cgroup), User: namespace(of.User, host.User),
	}
}

// Credentials are those of the kernel in an event's terms; hostUser is the inode number of the host's user namespace.
func Credentials(c bpf.ProcessCredentials, hostUser uint32) *event.ProcessCredentials {
	return &event.ProcessCredentials{
		Uid: &c.Uid, Gid: &c.Gid, Euid: &c.Euid, Egid: &c.Egid, Suid: &c.Suid, Sgid: &c.Sgid, Fsuid: &c.Fsuid, Fsgid: &c.Fsgid,
		Securebits: event.SecurebitNames(c.Securebits),
		Caps:       capabilities(c),
		UserNs:     &event.UserNamespace{Level: &c.UserNsLevel, Uid: &c.UserNsUid, Gid: &c.UserNsGid, Ns: namespace(c.UserNsInum, hostUser)},
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
