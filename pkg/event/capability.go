// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"slices"
)

// capabilityNames by bit, without the prefix CAP_, from include/uapi/linux/capability.h.
var capabilityNames = [...]string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
	"SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
	"AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE",
}

// CapabilityNames are the names by bit, without the prefix CAP_.
func CapabilityNames() []string { return slices.Clone(capabilityNames[:]) }

// CapabilitySet names the bits of a set as Tetragon's JSON does: with the prefix, but for DAC_OVERRIDE. A bit without a name
// (of a newer kernel) is called by its number.
func CapabilitySet(set uint64) (names []string) {
	for bit := range 64 {
		if set&(1<<bit) == 0 {
			continue
		}
		switch {
		case bit >= len(capabilityNames):
			names = append(names, fmt.Sprintf("CAP_%d", bit))
		case capabilityNames[bit] == "DAC_OVERRIDE":
			names = append(names, capabilityNames[bit])
		default:
			names = append(names, "CAP_"+capabilityNames[bit])
		}
	}
	return names
}
