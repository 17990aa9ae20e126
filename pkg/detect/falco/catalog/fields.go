// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strings"
)

// Index says what may stand in the brackets after a field.
type Index int

// The kinds of indexes.
const (
	// NoIndex: no brackets.
	NoIndex Index = iota
	// Ancestor: a number, 0 for the process itself, 1 for its parent. Without brackets the field stands for all ancestors from
	// the parent upwards, and a comparison holds if it holds for one of them.
	Ancestor
	// Position: a number from 0; may be left out.
	Position
	// OptionalKey: a text; may be left out.
	OptionalKey
	// Key: a text that has to be there.
	Key
	// Parameter: a parameter's name or its number from 0.
	Parameter
)

// Events says for which events a field can have a value. For the others it is absent whatever happened.
type Events int

// The sets of events.
const (
	// AllEvents have it.
	AllEvents Events = iota
	// WithDescriptor: event types that are about a file descriptor.
	WithDescriptor
	// WithOpen: those that open a file.
	WithOpen
	// WithData: those that send or receive.
	WithData
	// WithParameter: those that have the parameter of that name.
	WithParameter
)

// Field is one row of the catalog. Name is a prefix for the parameters of events: evt.arg stands for evt.arg.NAME.
type Field struct {
	Name  string
	Type  Type
	Index Index
	// Events that can have it.
	Events Events
	// Whole: no transformer may be applied, and it can't stand in val().
	Whole bool
}

// fields of events, in the order of Falco's classes.
var fields = slices.Concat(
	[]Field{
		{Name: "evt.type.is", Type: Bool, Index: Key},
		{Name: "evt.arg", Index: Parameter, Events: WithParameter},
		{Name: "evt.rawarg", Index: Parameter, Events: WithParameter, Whole: true},
		{Name: "evt.buffer", Type: Buffer, Events: WithData},
		{Name: "evt.buflen", Type: Number, Events: WithData},
	},
	plain(Text, AllEvents, `evt.time evt.time.s evt.time.iso8601 evt.datetime evt.datetime.s evt.type syscall.type evt.category evt.dir
		evt.source evt.hostname evt.args evt.info evt.res evt.latency.human`),
	plain(Number, AllEvents, `evt.num evt.rawtime evt.rawtime.s evt.rawtime.ns evt.cpu evt.count evt.rawres evt.latency evt.latency.s
		evt.latency.ns`),
	plain(Bool, AllEvents, `evt.failed evt.is_io evt.is_io_read evt.is_io_write`),
	plain(Bool, WithOpen, `evt.is_open_read evt.is_open_write evt.is_open_exec evt.is_open_create`),

	plain(Text, WithDescriptor, `fd.type fd.typechar fd.nameraw fd.l4proto fd.sockfamily`),
	plain(Path, WithDescriptor, `fd.name fd.directory fd.filename`),
	plain(Number, WithDescriptor, `fd.num fd.dev fd.ino`),
	plain(Bool, WithDescriptor, `fd.is_server fd.connected fd.name_changed`),
	plain(Address, WithDescriptor, `fd.cip fd.sip fd.lip fd.rip`),
	plain(Port, WithDescriptor, `fd.cport fd.sport fd.lport fd.rport`),
	whole(plain(Address, WithDescriptor, `fd.ip`)),
	whole(plain(Port, WithDescriptor, `fd.port`)),
	whole(plain(Network, WithDescriptor, `fd.net fd.cnet fd.snet fd.lnet fd.rnet`)),
	whole(plain(HostName, WithDescriptor, `fd.cip.name fd.sip.name fd.lip.name fd.rip.name`)),
	[]Field{{Name: "fd.types", Type: TextList, Index: Position, Whole: true}},

	[]Field{
		{Name: "proc.aname", Index: Ancestor, Whole: true},
		{Name: "proc.aexe", Index: Ancestor, Whole: true},
		{Name: "proc.aexepath", Index: Ancestor, Whole: true},
		{Name: "proc.acmdline", Index: Ancestor, Whole: true},
		{Name: "proc.apid", Type: Number, Index: Ancestor, Whole: true},
		{Name: "proc.args", Index: Position},
		{Name: "proc.env", Index: OptionalKey},
		{Name: "proc.aenv", Index: OptionalKey, Whole: true},
	},
	plain(Text, AllEvents, `proc.name proc.pname proc.exe proc.pexe proc.exepath proc.pexepath proc.cmdline proc.pcmdline proc.exeline
		proc.cwd proc.vpgid.name proc.vpgid.exe proc.vpgid.exepath proc.sname proc.sid.exe proc.sid.exepath proc.stdin.type proc.stdout.type
		proc.stderr.type proc.stdin.name proc.stdout.name proc.stderr.name thread.cap_permitted thread.cap_inheritable thread.cap_effective`),
	plain(Number, AllEvents, `proc.cmdnargs proc.cmdlenargs proc.tty proc.pid proc.ppid proc.vpid proc.pvpid proc.sid proc.vpgid proc.duration
		proc.ppid.duration proc.pid.ts proc.ppid.ts proc.nthreads proc.exe_ino proc.exe_ino.ctime proc.exe_ino.mtime
		proc.exe_ino.ctime_duration_proc_start proc.exe_ino.ctime_duration_pidns_start thread.tid thread.vtid`),
	plain(Bool, AllEvents, `proc.is_exe_writable proc.is_exe_upper_layer proc.is_exe_lower_layer proc.is_exe_from_memfd proc.is_sid_leader
		proc.is_vpgid_leader proc.is_container_healthcheck thread.ismain`),

	plain(Text, AllEvents, `user.name user.homedir user.shell user.loginname group.name`),
	plain(Number, AllEvents, `user.uid user.loginuid group.gid`),

	plain(Text, AllEvents, `container.id container.full_id container.name container.type container.image container.image.id
		container.image.repository container.image.tag container.image.digest container.ip container.mounts container.labels
		k8s.ns.name k8s.pod.name k8s.pod.id k8s.pod.uid k8s.pod.full_sandbox_id k8s.pod.labels k8s.pod.ip`),
	plain(Bool, AllEvents, `container.privileged`),
	plain(Number, AllEvents, `container.start_ts container.duration`),
	keyed(plain(Text, AllEvents, `container.mount container.mount.source container.mount.dest container.mount.mode container.mount.rdwr
		container.mount.propagation container.label k8s.pod.label`)),
)

// plain makes rows of one type, without an index.
func plain(t Type, events Events, names string) (rows []Field) {
	for name := range strings.FieldsSeq(names) {
		rows = append(rows, Field{Name: name, Type: t, Events: events})
	}
	return rows
}

// whole forbids transformers for rows.
func whole(rows []Field) []Field {
	for i := range rows {
		rows[i].Whole = true
	}
	return rows
}

// keyed gives rows an index.
func keyed(rows []Field) []Field {
	for i := range rows {
		rows[i].Index = Key
	}
	return rows
}
