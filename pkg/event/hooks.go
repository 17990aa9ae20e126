// SPDX-License-Identifier: Apache-2.0

package event

// Hooked is what the events of all hooks of a policy have. It is part of their bodies, in JSON too.
type Hooked struct {
	// Args are the arguments that the policy asked for, in its order.
	Args []Argument `json:"args,omitempty"`
	// Action is the last action that was carried out, one of the Action… names.
	Action     string     `json:"action,omitempty"`
	PolicyName string     `json:"policy_name,omitempty"`
	Message    string     `json:"message,omitempty"`
	Tags       []string   `json:"tags,omitempty"`
	Ancestors  []*Process `json:"ancestors,omitempty"`
	// Data is what the policy asked for beside the arguments; kprobe and uprobe have it.
	Data []Argument `json:"data,omitempty"`
	Handling
}

// Handling says how a hook was served. It is not Tetragon's, whose tools ignore it.
type Handling struct {
	// Via is the hook that stands in for the one that was asked for ("tracepoint sys_exit"); empty when it is that one itself.
	Via string `json:"via,omitempty"`
	// Would are the names of the actions that were not carried out because the session only observes.
	Would []string `json:"would,omitempty"`
	// SelectorLabel is the policy's name for the selector that matched.
	SelectorLabel string `json:"selector_label,omitempty"`
	// URLs that the actions GetUrl ask to be fetched, Domains that the actions DnsLookup ask to be looked up: by who reads the
	// event, never by the tracer.
	URLs    []string `json:"urls,omitempty"`
	Domains []string `json:"domains,omitempty"`
}

// ProcessKprobe: a process called a function of the kernel. Functions that are traced as fentry have this event too.
type ProcessKprobe struct {
	Process *Process `json:"process,omitempty"`
	Parent  *Process `json:"parent,omitempty"`
	// FunctionName is the kernel's symbol; of a system call with the prefix of the architecture (__x64_sys_openat).
	FunctionName string `json:"function_name,omitempty"`
	Hooked
	Return           *Argument         `json:"return,omitempty"`
	ReturnAction     string            `json:"return_action,omitempty"`
	KernelStackTrace []StackTraceEntry `json:"kernel_stack_trace,omitempty"`
	UserStackTrace   []StackTraceEntry `json:"user_stack_trace,omitempty"`
}

// ProcessTracepoint: a process passed a tracepoint, raw ones included.
type ProcessTracepoint struct {
	Process *Process `json:"process,omitempty"`
	Parent  *Process `json:"parent,omitempty"`
	Subsys  string   `json:"subsys,omitempty"`
	Event   string   `json:"event,omitempty"`
	Hooked
}

// ProcessUprobe: a process called a function of a program or library.
type ProcessUprobe struct {
	Process *Process `json:"process,omitempty"`
	Parent  *Process `json:"parent,omitempty"`
	// Path of the file, Symbol in it; Offset in bytes where the policy gave no symbol.
	Path         string `json:"path,omitempty"`
	Symbol       string `json:"symbol,omitempty"`
	Offset       uint64 `json:"offset,omitempty,string"`
	RefCtrOffset uint64 `json:"ref_ctr_offset,omitempty,string"`
	Hooked
}

// ProcessUsdt: a process passed a static probe of a program or library.
type ProcessUsdt struct {
	Process  *Process `json:"process,omitempty"`
	Parent   *Process `json:"parent,omitempty"`
	Path     string   `json:"path,omitempty"`
	Provider string   `json:"provider,omitempty"`
	Name     string   `json:"name,omitempty"`
	Hooked
	Flags string `json:"flags,omitempty"`
}

// ProcessLsm: a process asked the kernel's security modules for permission.
type ProcessLsm struct {
	Process *Process `json:"process,omitempty"`
	Parent  *Process `json:"parent,omitempty"`
	// FunctionName is the hook without a prefix (file_open).
	FunctionName string `json:"function_name,omitempty"`
	Hooked
	// ImaHash is "<algorithm>:<hex digits>" of the file.
	ImaHash string `json:"ima_hash,omitempty"`
}

// ProcessLoader: a process mapped an executable file.
type ProcessLoader struct {
	Process *Process `json:"process,omitempty"`
	Path    string   `json:"path,omitempty"`
	// Buildid is the ELF build id, mostly 20 bytes.
	Buildid   []byte     `json:"buildid,omitempty"`
	Parent    *Process   `json:"parent,omitempty"`
	Ancestors []*Process `json:"ancestors,omitempty"`
	Handling
}

// StackTraceEntry is one frame of a stack, the innermost first. Address is 0 where addresses are not shown (those of the
// kernel give its layout away); Offset is in bytes from Symbol, or from the start of Module where there is no symbol.
type StackTraceEntry struct {
	Address uint64 `json:"address,omitempty,string"`
	Offset  uint64 `json:"offset,omitempty,string"`
	Symbol  string `json:"symbol,omitempty"`
	// Module is the file of a frame in user space.
	Module string `json:"module,omitempty"`
}

// Names of actions, the values of Action, ReturnAction and Would, in the order of their numbers.
const (
	ActionUnknown         = "KPROBE_ACTION_UNKNOWN"
	ActionPost            = "KPROBE_ACTION_POST"
	ActionFollowFD        = "KPROBE_ACTION_FOLLOWFD"
	ActionSigkill         = "KPROBE_ACTION_SIGKILL"
	ActionUnfollowFD      = "KPROBE_ACTION_UNFOLLOWFD"
	ActionOverride        = "KPROBE_ACTION_OVERRIDE"
	ActionCopyFD          = "KPROBE_ACTION_COPYFD"
	ActionGetURL          = "KPROBE_ACTION_GETURL"
	ActionDNSLookup       = "KPROBE_ACTION_DNSLOOKUP"
	ActionNoPost          = "KPROBE_ACTION_NOPOST"
	ActionSignal          = "KPROBE_ACTION_SIGNAL"
	ActionTrackSock       = "KPROBE_ACTION_TRACKSOCK"
	ActionUntrackSock     = "KPROBE_ACTION_UNTRACKSOCK"
	ActionNotifyEnforcer  = "KPROBE_ACTION_NOTIFYENFORCER"
	ActionCleanupEnforcer = "KPROBE_ACTION_CLEANUPENFORCERNOTIFICATION"
	ActionSet             = "KPROBE_ACTION_SET"
)
