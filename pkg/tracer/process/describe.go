// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/cgroup"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// refreshInterval is how often at most the running processes are read because one is not known.
const refreshInterval = 100 * time.Millisecond

// toUTF8 makes what the kernel gave fit for JSON.
func toUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// name sets what identifies an image: start is the boot time of its exec, or of the fork for what only was forked.
func (t *Table) name(p *wire.Process, key kernel.Key, start uint64, e *entry) {
	p.ExecID = execID(t.Node, start, key.Tgid)
	p.Pid, p.Tid = new(key.Tgid), new(key.Tgid)
	p.StartTime = t.Clock.At(start)
	p.ParentExecID = ""
	if e.parent != nil && e.parent.image != nil {
		p.ParentExecID = e.parent.image.ExecID
	}
}

func (t *Table) setCgroup(p *wire.Process, id cgroup.Identity) {
	p.PodUID, p.ContainerID = id.PodUID, id.ContainerID
	p.Docker = id.ContainerID[:min(len(id.ContainerID), event.DockerLength)]
}

// recordFlags are the words for what went wrong while the kernel read a process.
var recordFlags = [...]struct {
	record uint32
	flag   event.Flag
}{
	{kernel.ArgumentsCut, event.FlagTruncatedArguments},
	{kernel.ArgumentsUnreadable, event.FlagErrorArguments},
	{kernel.ExecutableCut, event.FlagErrorFilename},
	{kernel.CwdCut, event.FlagErrorCwd},
}

// describe makes the process that is reported.
func (t *Table) describe(i *kernel.Image, e *entry, start uint64, flags event.Flag) *wire.Process {
	for _, f := range recordFlags {
		if i.Header.Flags&f.record != 0 {
			flags |= f.flag
		}
	}
	if i.Cwd == "/" {
		flags |= event.FlagRootCwd
	}
	p := &wire.Process{Process: event.Process{
		Uid:              new(i.Credentials.Euid),
		Auid:             new(i.Auid),
		Cwd:              toUTF8(i.Cwd),
		Binary:           toUTF8(binary(i)),
		Arguments:        arguments(i.Arguments),
		Flags:            (flags | e.initFlag()).String(),
		InInitTree:       new(e.inInit),
		BinaryProperties: binaryProperties(i),
	}}
	if i.Header.Flags&kernel.KernelThread != 0 {
		p.Binary = "[" + toUTF8(kernel.Text(i.Comm)) + "]"
		if i.Header.Process.Tgid == 0 {
			p.Binary = "<kernel>"
		}
	}
	p.NamespacePid = i.NamespacePid
	t.name(p, i.Header.Process, start, e)
	t.setCgroup(p, t.identity(i))
	if t.Detail.Capabilities {
		p.Cap = capabilities(i.Credentials)
	}
	if t.Detail.Namespaces {
		p.Ns = namespaces(i.Namespaces, t.HostNamespaces)
	}
	if t.Detail.Credentials {
		p.ProcessCredentials = Credentials(i.Credentials, t.HostNamespaces.User)
	}
	return p
}

// parent finds the parent of an image whose forker is not known or is not what stays.
func (t *Table) parent(i *kernel.Image) *entry {
	key := i.Header.Parent
	if known := t.processes[key]; known != nil {
		return known
	}
	if _, ok := t.refresh(); ok && t.processes[key] != nil {
		return t.processes[key]
	}
	if key.Tgid == 0 {
		return nil
	}
	e := &entry{execed: true}
	p := &wire.Process{Process: event.Process{Binary: toUTF8(i.ParentExecutable), Flags: event.FlagMiss.String()}}
	if p.Binary == "" {
		p.Binary = toUTF8(kernel.Text(i.ParentComm))
	}
	t.name(p, key, key.Start, e)
	e.image = p
	return e
}

// unknown makes an entry for a process whose exec was lost, from what the kernel says at its exit.
func (t *Table) unknown(r *bpf.ProcessExitRecord) *entry {
	e := &entry{traced: true, parent: t.processes[r.Header.Parent]}
	p := &wire.Process{Process: event.Process{
		Binary: toUTF8(kernel.Text(r.Comm)),
		Uid:    new(r.Uid),
		Flags:  event.FlagUnknown.String(),
	}}
	t.name(p, r.Header.Process, r.Header.Process.Start, e)
	t.setCgroup(p, t.cgroups[r.Header.Cgroup])
	e.image = p
	return e
}

// DropExited forgets processes whose end was not told: those outside of the scope, which are known as parents only, those
// that left the scope, and those whose exit was lost. Running is what runs now. Called at intervals much longer than a
// record takes through the ring: a process must be absent twice, since the first time its exit may still be under way.
// A process that the iterator never showed may be in a pid namespace that it does not see, and so stays.
func (t *Table) DropExited(running []*kernel.Image) {
	alive := make(map[kernel.Key]struct{}, len(running))
	for _, i := range running {
		alive[i.Header.Process] = struct{}{}
	}
	lost := t.Lost()
	for key, e := range t.processes {
		_, runs := alive[key]
		switch {
		case runs:
			e.visible, e.absent = true, false
		case !e.absent:
			e.absent = true
		case e.visible || !e.traced || lost:
			delete(t.processes, key)
		}
	}
}
