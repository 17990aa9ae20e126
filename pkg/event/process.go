// SPDX-License-Identifier: Apache-2.0

package event

// Process is one program image of one process: a new exec is a new Process with a new exec_id. Pointers are protobuf
// wrapper types: nil is unknown, a pointer to 0 is shown.
type Process struct {
	// ExecID is base64("<node>:<start in boot nanoseconds>:<pid>").
	ExecID string `json:"exec_id,omitempty"`
	// Pid is the thread group id in the initial pid namespace.
	Pid *uint32 `json:"pid,omitempty"`
	// Uid is the effective user id at exec, in the initial user namespace.
	Uid *uint32 `json:"uid,omitempty"`
	// Cwd, Binary: absolute paths as the process's root sees them.
	Cwd    string `json:"cwd,omitempty"`
	Binary string `json:"binary,omitempty"`
	// Arguments are argv[1..] joined by blanks; an argument that holds a blank is put in double quotes.
	Arguments string `json:"arguments,omitempty"`
	// Flags are words of Flag, joined by blanks.
	Flags     string     `json:"flags,omitempty"`
	StartTime *Timestamp `json:"start_time,omitempty"`
	// Auid is the audit login uid; 4294967295 when none is set.
	Auid *uint32 `json:"auid,omitempty"`
	Pod  *Pod    `json:"pod,omitempty"`
	// Docker is the container id's first 31 characters (whatever the runtime: the name is Tetragon's).
	Docker       string `json:"docker,omitempty"`
	ParentExecID string `json:"parent_exec_id,omitempty"`
	// Cap, Ns and ProcessCredentials are filled on request only.
	Cap *Capabilities `json:"cap,omitempty"`
	Ns  *Namespaces   `json:"ns,omitempty"`
	// Tid is the acting thread; equal to Pid in process_exec.
	Tid                *uint32             `json:"tid,omitempty"`
	ProcessCredentials *ProcessCredentials `json:"process_credentials,omitempty"`
	BinaryProperties   *BinaryProperties   `json:"binary_properties,omitempty"`
	// InInitTree says that the process descends from its container's first process: false for what was injected
	// (kubectl exec) and for host processes.
	InInitTree *bool `json:"in_init_tree,omitempty"`
}

// DockerLength is how many characters of a container id Process.Docker holds (Tetragon's number).
const DockerLength = 31

// Pod is the pod that a process runs in, as the API server tells it.
type Pod struct {
	Namespace    string            `json:"namespace,omitempty"`
	Name         string            `json:"name,omitempty"`
	UID          string            `json:"uid,omitempty"`
	Container    *Container        `json:"container,omitempty"`
	PodLabels    map[string]string `json:"pod_labels,omitempty"`
	Workload     string            `json:"workload,omitempty"`
	WorkloadKind string            `json:"workload_kind,omitempty"`
}

// Container is the container that a process runs in.
type Container struct {
	// ID is "<runtime>://<64 hex digits>".
	ID        string     `json:"id,omitempty"`
	Name      string     `json:"name,omitempty"`
	Image     *Image     `json:"image,omitempty"`
	StartTime *Timestamp `json:"start_time,omitempty"`
	// Pid is the process's pid inside the container's pid namespace.
	Pid *uint32 `json:"pid,omitempty"`
	// SecurityContext is set for privileged containers.
	SecurityContext *SecurityContext `json:"security_context,omitempty"`
}

// Image is a container image: ID by digest, Name by tag.
type Image struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// SecurityContext is what of a container's security context an event carries.
type SecurityContext struct {
	Privileged bool `json:"privileged,omitempty"`
}

// Capabilities are capability names (CAP_*) in bit order.
type Capabilities struct {
	Permitted   []string `json:"permitted,omitempty"`
	Effective   []string `json:"effective,omitempty"`
	Inheritable []string `json:"inheritable,omitempty"`
}

// Namespace is one kernel namespace: its inode number, and whether it is the initial one.
type Namespace struct {
	Inum   uint32 `json:"inum,omitempty"`
	IsHost bool   `json:"is_host,omitempty"`
}

// Namespaces of a process.
type Namespaces struct {
	Uts             *Namespace `json:"uts,omitempty"`
	Ipc             *Namespace `json:"ipc,omitempty"`
	Mnt             *Namespace `json:"mnt,omitempty"`
	Pid             *Namespace `json:"pid,omitempty"`
	PidForChildren  *Namespace `json:"pid_for_children,omitempty"`
	Net             *Namespace `json:"net,omitempty"`
	Time            *Namespace `json:"time,omitempty"`
	TimeForChildren *Namespace `json:"time_for_children,omitempty"`
	Cgroup          *Namespace `json:"cgroup,omitempty"`
	User            *Namespace `json:"user,omitempty"`
}

// ProcessCredentials are the ids and capabilities of a process, in the initial user namespace.
type ProcessCredentials struct {
	Uid        *uint32        `json:"uid,omitempty"`
	Gid        *uint32        `json:"gid,omitempty"`
	Euid       *uint32        `json:"euid,omitempty"`
	Egid       *uint32        `json:"egid,omitempty"`
	Suid       *uint32        `json:"suid,omitempty"`
	Sgid       *uint32        `json:"sgid,omitempty"`
	Fsuid      *uint32        `json:"fsuid,omitempty"`
	Fsgid      *uint32        `json:"fsgid,omitempty"`
	Securebits []string       `json:"securebits,omitempty"`
	Caps       *Capabilities  `json:"caps,omitempty"`
	UserNs     *UserNamespace `json:"user_ns,omitempty"`
}

// UserNamespace is a user namespace with its depth and owner.
type UserNamespace struct {
	Level *int32     `json:"level,omitempty"`
	Uid   *uint32    `json:"uid,omitempty"`
	Gid   *uint32    `json:"gid,omitempty"`
	Ns    *Namespace `json:"ns,omitempty"`
}

// BinaryProperties are what made an exec special: raised privileges, or a file that no directory names any more.
type BinaryProperties struct {
	Setuid            *uint32         `json:"setuid,omitempty"`
	Setgid            *uint32         `json:"setgid,omitempty"`
	PrivilegesChanged []string        `json:"privileges_changed,omitempty"`
	File              *FileProperties `json:"file,omitempty"`
}

// FileProperties hold the inode of an executed file that was already unlinked (memfd included).
type FileProperties struct {
	Inode *InodeProperties `json:"inode,omitempty"`
}

// InodeProperties: Number is a JSON string (64 bits), Links is shown when 0.
type InodeProperties struct {
	Number uint64  `json:"number,omitempty,string"`
	Links  *uint32 `json:"links,omitempty"`
}
