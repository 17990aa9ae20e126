// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// capabilityNames by bit, from include/uapi/linux/capability.h. DAC_OVERRIDE has no prefix in Tetragon's JSON.
var capabilityNames = [...]string{
	"CAP_CHOWN", "DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
	"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
	"CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD",
	"CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
	"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

func capabilitySet(set uint64) (names []string) {
	for bit := range 64 {
		if set&(1<<bit) == 0 {
			continue
		}
		if bit < len(capabilityNames) {
			names = append(names, capabilityNames[bit])
		} else {
			names = append(names, fmt.Sprintf("CAP_%d", bit)) // of a newer kernel
		}
	}
	return names
}

func capabilities(c bpf.ProcessCredentials) *event.Capabilities {
	return &event.Capabilities{
		Permitted:   capabilitySet(c.Permitted),
		Effective:   capabilitySet(c.Effective),
		Inheritable: capabilitySet(c.Inheritable),
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
