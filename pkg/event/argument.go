// SPDX-License-Identifier: Apache-2.0

package event

// Argument is one argument, or the return value, of a hook: one of its pointers is set and says of what kind it is. As in
// a protobuf oneof, what is set is shown also when it is 0 or empty.
type Argument struct {
	StringArg         *string            `json:"string_arg,omitempty"`
	IntArg            *int32             `json:"int_arg,omitempty"`
	SkbArg            *SkbArg            `json:"skb_arg,omitempty"`
	SizeArg           *uint64            `json:"size_arg,omitempty,string"`
	BytesArg          []byte             `json:"bytes_arg,omitzero"` // set unless it is nil
	PathArg           *FileArg           `json:"path_arg,omitempty"`
	FileArg           *FileArg           `json:"file_arg,omitempty"`
	TruncatedBytesArg *TruncatedBytesArg `json:"truncated_bytes_arg,omitempty"`
	SockArg           *SockArg           `json:"sock_arg,omitempty"`
	CredArg           *Capabilities      `json:"cred_arg,omitempty"`
	LongArg           *int64             `json:"long_arg,omitempty,string"`
	BpfAttrArg        *BpfProgArg        `json:"bpf_attr_arg,omitempty"`
	PerfEventArg      *PerfEventArg      `json:"perf_event_arg,omitempty"`
	BpfMapArg         *BpfMapArg         `json:"bpf_map_arg,omitempty"`
	UintArg           *uint32            `json:"uint_arg,omitempty"`
	// UserNamespaceArg is an old form of UserNsArg.
	UserNamespaceArg      *UserNamespaceArg   `json:"user_namespace_arg,omitempty"`
	CapabilityArg         *CapabilityArg      `json:"capability_arg,omitempty"`
	ProcessCredentialsArg *ProcessCredentials `json:"process_credentials_arg,omitempty"`
	UserNsArg             *UserNamespace      `json:"user_ns_arg,omitempty"`
	ModuleArg             *ModuleArg          `json:"module_arg,omitempty"`
	// Sets of capabilities as 16 hex digits, see CapabilityDigits.
	KernelCapTArg     *string         `json:"kernel_cap_t_arg,omitempty"`
	CapInheritableArg *string         `json:"cap_inheritable_arg,omitempty"`
	CapPermittedArg   *string         `json:"cap_permitted_arg,omitempty"`
	CapEffectiveArg   *string         `json:"cap_effective_arg,omitempty"`
	LinuxBinprmArg    *LinuxBinprmArg `json:"linux_binprm_arg,omitempty"`
	NetDevArg         *NetDevArg      `json:"net_dev_arg,omitempty"`
	// BpfCmdArg is a name of BpfCommandName.
	BpfCmdArg     *string        `json:"bpf_cmd_arg,omitempty"`
	SyscallID     *SyscallID     `json:"syscall_id,omitempty"`
	SockaddrArg   *SockaddrArg   `json:"sockaddr_arg,omitempty"`
	BpfProgArg    *BpfProgArg    `json:"bpf_prog_arg,omitempty"`
	ErrorArg      *ErrorArg      `json:"error_arg,omitempty"`
	SockaddrUnArg *SockaddrUnArg `json:"sockaddrun_arg,omitempty"`

	// Label is the policy's name for the argument.
	Label string `json:"label,omitempty"`
}

// FileArg is a file, as file_arg (of a struct file) and path_arg (of a struct path or dentry).
type FileArg struct {
	Mount string `json:"mount,omitempty"`
	// Path is absolute in the mount namespace (in a container as its root sees it), whatever root the process has chosen. " (deleted)"
	// is appended when no directory names the file any more, and it is "/" when nothing could be resolved.
	Path string `json:"path,omitempty"`
	// Flags is empty or PathUnresolved.
	Flags string `json:"flags,omitempty"`
	// Permission is a mode as ls shows it (-rw-r--r--).
	Permission string `json:"permission,omitempty"`
}

// PathUnresolved is the flag of a path whose first components are missing, because there were too many.
const PathUnresolved = "unresolvedPathComponents"

// LinuxBinprmArg is the file that is about to be executed; the fields are FileArg's.
type LinuxBinprmArg struct {
	Path       string `json:"path,omitempty"`
	Flags      string `json:"flags,omitempty"`
	Permission string `json:"permission,omitempty"`
}

// SockArg is a socket. Names are those of FamilyName, SocketTypeName, ProtocolName and TCPStateName.
type SockArg struct {
	Family   string `json:"family,omitempty"`
	Type     string `json:"type,omitempty"`
	Protocol string `json:"protocol,omitempty"`
	Mark     uint32 `json:"mark,omitempty"`
	Priority uint32 `json:"priority,omitempty"`
	Saddr    string `json:"saddr,omitempty"`
	Daddr    string `json:"daddr,omitempty"`
	Sport    uint32 `json:"sport,omitempty"`
	Dport    uint32 `json:"dport,omitempty"`
	// Cookie tells sockets of a node apart while they live; the number may come again for one that is made later. In Tetragon it
	// is the kernel's address.
	Cookie uint64 `json:"cookie,omitempty,string"`
	State  string `json:"state,omitempty"`
}

// SkbArg is a packet.
type SkbArg struct {
	Hash     uint32 `json:"hash,omitempty"`
	Len      uint32 `json:"len,omitempty"` // bytes
	Priority uint32 `json:"priority,omitempty"`
	Mark     uint32 `json:"mark,omitempty"`
	Saddr    string `json:"saddr,omitempty"`
	Daddr    string `json:"daddr,omitempty"`
	Sport    uint32 `json:"sport,omitempty"`
	Dport    uint32 `json:"dport,omitempty"`
	// Proto is the number, Protocol the name of the IP protocol.
	Proto       uint32 `json:"proto,omitempty"`
	SecPathLen  uint32 `json:"sec_path_len,omitempty"`
	SecPathOlen uint32 `json:"sec_path_olen,omitempty"`
	Protocol    string `json:"protocol,omitempty"`
	Family      string `json:"family,omitempty"`
}

// SockaddrArg is an address; Addr is InvalidIP for families other than AF_INET and AF_INET6.
type SockaddrArg struct {
	Family string `json:"family,omitempty"`
	Addr   string `json:"addr,omitempty"`
	Port   uint32 `json:"port,omitempty"`
}

// InvalidIP is what Tetragon shows as the address of a family that is not IP.
const InvalidIP = "invalid IP"

// SockaddrUnArg is the address of a Unix socket; the Path of an abstract one begins with @.
type SockaddrUnArg struct {
	Family string `json:"family,omitempty"`
	Path   string `json:"path,omitempty"`
}

// TruncatedBytesArg is the first part of a buffer of OrigSize bytes.
type TruncatedBytesArg struct {
	BytesArg []byte `json:"bytes_arg,omitempty"`
	OrigSize uint64 `json:"orig_size,omitempty,string"`
}

// BpfProgArg is a BPF program, as bpf_attr_arg and bpf_prog_arg. ProgType is a name of ProgTypeName.
type BpfProgArg struct {
	ProgType string `json:"ProgType,omitempty"`
	InsnCnt  uint32 `json:"InsnCnt,omitempty"`
	ProgName string `json:"ProgName,omitempty"`
}

// BpfMapArg is a BPF map; sizes are in bytes. MapType is a name of MapTypeName.
type BpfMapArg struct {
	MapType    string `json:"MapType,omitempty"`
	KeySize    uint32 `json:"KeySize,omitempty"`
	ValueSize  uint32 `json:"ValueSize,omitempty"`
	MaxEntries uint32 `json:"MaxEntries,omitempty"`
	MapName    string `json:"MapName,omitempty"`
}

// PerfEventArg is a perf event. Type is a name of PerfTypeName.
type PerfEventArg struct {
	KprobeFunc  string `json:"KprobeFunc,omitempty"`
	Type        string `json:"Type,omitempty"`
	Config      uint64 `json:"Config,omitempty,string"`
	ProbeOffset uint64 `json:"ProbeOffset,omitempty,string"`
}

// CapabilityArg is a capability. Name is CapabilityName's.
type CapabilityArg struct {
	Value *int32 `json:"value,omitempty"`
	Name  string `json:"name,omitempty"`
}

// UserNamespaceArg is a user namespace in the deprecated form.
type UserNamespaceArg struct {
	Level *int32     `json:"level,omitempty"`
	Owner *uint32    `json:"owner,omitempty"`
	Group *uint32    `json:"group,omitempty"`
	Ns    *Namespace `json:"ns,omitempty"`
}

// ModuleArg is a kernel module. Tainted are names of TaintNames; SignatureOk is nil where the kernel does not check.
type ModuleArg struct {
	Name        string   `json:"name,omitempty"`
	SignatureOk *bool    `json:"signature_ok,omitempty"`
	Tainted     []string `json:"tainted,omitempty"`
}

// NetDevArg is a network device.
type NetDevArg struct {
	Name string `json:"name,omitempty"`
}

// SyscallID is a system call: its number in an ABI (x64, i386, arm64, arm32).
type SyscallID struct {
	ID  uint32 `json:"id,omitempty"`
	Abi string `json:"abi,omitempty"`
}

// ErrorArg says why an argument could not be read.
type ErrorArg struct {
	Message string `json:"Message,omitempty"`
}

// Integer is the value of an argument that is a number. An argument that is nil is none.
func (a *Argument) Integer() (n int64, ok bool) {
	switch {
	case a == nil:
		return 0, false
	case a.IntArg != nil:
		return int64(*a.IntArg), true
	case a.UintArg != nil:
		return int64(*a.UintArg), true
	case a.LongArg != nil:
		return *a.LongArg, true
	case a.SizeArg != nil:
		return int64(*a.SizeArg), true
	}
	return 0, false
}
