// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/program"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/symbol"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/tracefs"
)

// Node is what plans are made for.
type Node struct {
	Kernel    *layout.Kernel
	Registers *layout.Registers
	// HostNamespaces are the inode numbers of the host's namespaces in the order of policy.Namespace.
	HostNamespaces [10]uint32
	// Unavailable says why the kernel has not a mechanism; nil if it has.
	Unavailable func(hook.Mechanism) error
	// Armed: enforcing actions act.
	Armed bool
	// WithoutRuntime: hooks are not about what the container runtime does on its way into a container.
	WithoutRuntime bool
	// Root is where the paths of programs are looked up: "" for the node's own, or a container's root.
	Root string
	// Containers are the root directories of the containers of the targets (/proc/PID/root), where a policy may want paths of
	// programs to be looked up; nil where there are none.
	Containers func() ([]string, error)
	// Workloads are those that policies of the session are about.
	Workloads *Workloads
	// Marks gives process marks to filters on programs and on descendants.
	Marks *Marks
	// Formats reads the layout of a classic tracepoint.
	Formats func(subsystem, event string) (*tracefs.Format, error)
	// Places says where functions of the kernel are, those that it has.
	Places func(names ...string) ([]symbol.Place, error)
	// Functions lists the kernel functions that can be traced.
	Functions func() ([]string, error)

	// files of programs that ways refer to.
	files []*program.File
}

// arms says whether the enforcing actions of a policy act: the session must enforce, and the policy must not say that it only
// monitors.
func (n *Node) arms(p *policy.Policy) bool { return n.Armed && p.Options.Mode != policy.ModeMonitor }

// Close closes the files that ways refer to: no way can be loaded after it.
func (n *Node) Close() error {
	var errs []error
	for _, f := range n.files {
		errs = append(errs, f.Close())
	}
	n.files = nil
	return errors.Join(errs...)
}

// Hook is what was planned for one call of a hook, or for the whole hook where its calls share programs.
type Hook struct {
	Policy *policy.Policy
	Hook   *policy.Hook
	// Name of the call: security_file_open, sys_write, sched/sched_process_exec, /bin/bash:readline.
	Name string
	// Ways in which it can be served, best first; none if all were refused.
	Ways []Way
	// Refused says what cannot serve it and why.
	Refused []Refusal
}

// Refusal is a backend that cannot serve a hook.
type Refusal struct {
	Backend string
	Reason  error
}

// Way is one way to serve a hook.
type Way struct {
	// Backend in words: "fentry", "fentry and fexit", "sys_enter".
	Backend string
	Tier    hook.Tier
	// Via is the hook that stands in for the one that was asked for; empty when it is that itself.
	Via string
	// Prevents: what is enforced does not happen. Else the process is killed, which may be too late for what it was doing.
	Prevents bool
	// Notes are sentences on what this way does less well than was asked for.
	Notes []string
	// Definitions are loaded together; the hook is served if all are.
	Definitions []*hook.Definition
	// Functions are the names that records refer to by number; of system calls none, their number is the record's.
	Functions []string
	Places    []Place
}

// Place says what a place in the records of a hook holds.
type Place struct {
	Role Role
	// Index in the hook's Args or Data.
	Index int
	Type  *policy.ArgumentType
	Label string
}

// Role of a place.
type Role uint8

// The roles. Hidden places are not in records.
const (
	Argument Role = iota
	Data
	Result
	Hidden
)
