// SPDX-License-Identifier: Apache-2.0

package library

import (
	"path"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types/ref"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Process is one program of one process, as conditions see it.
type Process struct {
	// ID is the exec_id of the program, of the parent's where the process has executed none itself its own; PID in the node's namespace.
	ID  string `cel:"id"`
	PID int64  `cel:"pid"`
	// OwnPID is the number in the pid namespace of the container, which is that of /proc there.
	OwnPID int64 `cel:"own_pid"`
	// Exe is the file that was loaded, as the kernel resolved it; Name its last part. Binary is the path that was executed: a link, or a
	// script.
	Exe    string `cel:"exe"`
	Name   string `cel:"name"`
	Binary string `cel:"binary"`
	// Args are argv[1…], Arguments the same in one text.
	Args      []string `cel:"args"`
	Arguments string   `cel:"arguments"`
	Cwd       string   `cel:"cwd"`
	// UID is the effective user when the program began; -1 if it is not known.
	UID int64 `cel:"uid"`
	// Memory: the program is a file that is in memory only. Deleted: no directory names it any more.
	Memory  bool `cel:"memory"`
	Deleted bool `cel:"deleted"`
	// Raised: the program is setuid or has capabilities of its own, and gave its process rights by that.
	Raised bool `cel:"raised"`
	// Injected: it was brought into the container from outside (kubectl exec), or descends from such a process.
	Injected bool `cel:"injected"`
	// Known: there is a record of it at all.
	Known bool `cel:"known"`
	// value is it in expressions, made once: that takes long. It belongs to the goroutine of the process's node.
	value ref.Val `cel:"-"`
}

// File is what an operation on a file is about.
type File struct {
	// Path that the kernel resolved, or made absolute; Written as the program wrote it, of opens. NewPath is what a file is renamed or
	// linked to, Target what a symbolic link says.
	Path    string `cel:"path"`
	Written string `cel:"written"`
	NewPath string `cel:"new_path"`
	Target  string `cel:"target"`
	// Type of an opened file: file, directory, block, character, socket, pipe, link; empty: not known.
	Type string `cel:"type"`
	// Read, Write, Create, Truncate are how it is opened.
	Read     bool `cel:"read"`
	Write    bool `cel:"write"`
	Create   bool `cel:"create"`
	Truncate bool `cel:"truncate"`
	// Mode that it is given.
	Mode int64 `cel:"mode"`
	// Source and Filesystem of a mount.
	Source     string `cel:"source"`
	Filesystem string `cel:"filesystem"`
}

// Net is the other end of a connection, or what listens.
type Net struct {
	// Address and Port of the other end; of a listener the port that it listens on. Path of a socket of the file system.
	Address string `cel:"address"`
	Port    int64  `cel:"port"`
	Path    string `cel:"path"`
	// Family is ipv4, ipv6, unix or empty; Protocol tcp, udp or empty.
	Family   string `cel:"family"`
	Protocol string `cel:"protocol"`
}

// Call is what the other system calls are given.
type Call struct {
	Request int64 `cel:"request"`
	PID     int64 `cel:"pid"`
	Flags   int64 `cel:"flags"`
	Command int64 `cel:"command"`
	FD      int64 `cel:"fd"`
	NewFD   int64 `cel:"new_fd"`
	Domain  int64 `cel:"domain"`
	Type    int64 `cel:"type"`
	Signal  int64 `cel:"signal"`
	// EUID of the thread, and Capabilities that are effective, where the call's row tells them; -1 and nil elsewhere.
	EUID         int64    `cel:"euid"`
	Capabilities []string `cel:"capabilities"`
}

// Pod is where the process runs.
type Pod struct {
	Known     bool              `cel:"known"`
	Namespace string            `cel:"namespace"`
	Name      string            `cel:"name"`
	Container string            `cel:"container"`
	Image     string            `cel:"image"`
	Labels    map[string]string `cel:"labels"`
}

// Subject is one event with the processes that belong to it.
type Subject struct {
	Event *event.Event
	// Process that acts, Previous the program that it ran before (that of its parent, if it ran none), Ancestors from the parent upwards.
	Process, Previous *Process
	Ancestors         []*Process
	// Source names the container, or the node, as processes.Facts does.
	Source string
}

// NewProcess is a process's record as conditions see it. executable is event.Event.Executable, where the record is of that event.
func NewProcess(p *event.Process, executable string) *Process {
	if p == nil {
		return &Process{UID: -1}
	}
	exe := p.Binary
	if executable != "" {
		exe = executable
	}
	exe, deleted := strings.CutSuffix(exe, " (deleted)")
	made := &Process{
		ID: p.ExecID, Exe: exe, Name: path.Base(exe), Binary: p.Binary, Args: event.SplitArguments(p.Arguments), Arguments: p.Arguments, Cwd: p.Cwd,
		UID: -1, Deleted: deleted, Memory: strings.HasPrefix(exe, "/memfd:"), Known: true,
		Injected: p.InInitTree != nil && !*p.InInitTree && p.Pod != nil,
	}
	if p.Pid != nil {
		made.PID, made.OwnPID = int64(*p.Pid), int64(*p.Pid)
	}
	if p.Pod != nil && p.Pod.Container != nil && p.Pod.Container.Pid != nil {
		made.OwnPID = int64(*p.Pod.Container.Pid)
	}
	if p.Uid != nil {
		made.UID = int64(*p.Uid)
	}
	if b := p.BinaryProperties; b != nil {
		made.Raised = b.Setuid != nil || len(b.PrivilegesChanged) > 0
		made.Deleted = made.Deleted || b.File != nil && b.File.Inode != nil && b.File.Inode.Links != nil && *b.File.Inode.Links == 0
	}
	return made
}

// multiCall are programs that are many programs, by the name that they are called by or their first argument.
var multiCall = []string{"busybox", "toybox", "coreutils"}

// runs says whether the program is one of these names: the file that was loaded, without a version at its end (python3.11), the path that
// was executed (a script, or a link to a program that is many of them), or what such a program is told to be.
func (p *Process) runs(names []string) bool {
	called := path.Base(p.Binary)
	return slices.Contains(names, p.Name) || slices.Contains(names, strings.TrimRight(p.Name, "0123456789.")) || slices.Contains(names, called) ||
		slices.Contains(multiCall, called) && len(p.Args) > 0 && slices.Contains(names, p.Args[0])
}

// podOf is where a process runs.
func podOf(p *event.Process) Pod {
	if p == nil || p.Pod == nil {
		return Pod{}
	}
	pod := Pod{Known: true, Namespace: p.Pod.Namespace, Name: p.Pod.Name, Labels: p.Pod.PodLabels}
	if c := p.Pod.Container; c != nil {
		pod.Container = c.Name
		if c.Image != nil {
			pod.Image = c.Image.Name
		}
	}
	return pod
}
