// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
)

// Status says how far a field's value is what Falco has.
type Status uint8

// The statuses, from the best to the worst.
const (
	// Exact: as in Falco.
	Exact Status = iota
	// Degraded: an approximation, or not always there.
	Degraded
	// Unavailable: no event has it. It counts as not delivered.
	Unavailable
)

// String is the status in messages.
func (s Status) String() string { return [...]string{"exact", "degraded", "unavailable"}[s] }

// row is the status of fields, of some event types or of all.
type row struct {
	fields string // names, with blanks between them; a last * stands for all that begin so
	events string // empty for all that no other row of the field names
	status Status
	reason string
}

// The event types that rows share.
const (
	opens    = "open openat openat2 creat"
	noSocket = "accept accept4 listen recvfrom recvmsg sendmsg socket"
	dups     = "dup dup2 dup3"
)

// rows of all fields that have a value; what is not named is unavailable.
var rows = []row{
	{"evt.type syscall.type evt.type.is evt.dir evt.source evt.num evt.time evt.time.iso8601 evt.rawtime evt.hostname", "", Exact, ""},
	{"evt.res evt.rawres evt.failed", "", Exact, ""},
	{"evt.is_open_read evt.is_open_write", "open openat creat", Exact, ""},
	{"evt.is_open_read evt.is_open_write evt.is_open_exec evt.is_open_create", "openat2", Degraded, "the flags of openat2 are not read: it counts as reading and writing"},
	{"evt.is_open_exec evt.is_open_create", "", Exact, ""},
	{"evt.arg.flags", "open openat", Exact, ""},
	{"evt.arg.flags evt.arg.mode", "openat2", Degraded, "the flags of openat2 are not read"},
	{"evt.arg.mode", "", Exact, ""},
	{"evt.arg.flags", "execve execveat", Unavailable, "where the executable lies is not known"},
	{"evt.arg.target evt.arg.request evt.arg.cmd evt.arg.domain evt.arg.fd evt.arg.res evt.args evt.buffer", "", Exact, ""},
	{
		"evt.arg.name evt.arg.path evt.arg.oldpath evt.arg.newpath evt.arg.linkpath evt.arg.filename", "", Degraded,
		"a relative path is joined as it is written",
	},
	{"evt.arg.uid", "", Degraded, "names of users are not known, but for root"},

	{"fd.num", "", Exact, ""},
	{"fd.num evt.rawres", opens, Degraded, "whether an open succeeded is known, and no number: it counts as 0 or -1"},
	{"evt.res", opens, Degraded, "why an open failed is not known"},
	{"fd.typechar", opens, Exact, ""},
	{"fd.typechar fd.ip fd.net fd.sip fd.snet fd.rip fd.rnet fd.sport fd.rport fd.port", "connect", Exact, ""},
	{"fd.typechar fd.type fd.ip fd.net fd.sip fd.snet fd.rip fd.rnet fd.sport fd.rport fd.port", "sendto", Degraded, "only where the call gives the address"},
	{"fd.typechar fd.type", dups, Exact, ""},
	{"fd.*", noSocket, Unavailable, "the socket behind a descriptor is not told"},
	{
		"fd.name fd.directory fd.filename", opens, Degraded,
		"a relative path is joined as it is written; the resolved path is of another view",
	},
	{"fd.nameraw", opens, Exact, ""},
	{"fd.name fd.directory fd.filename", "fchmod", Degraded, "the path is the resolved one only"},
	{"fd.type fd.sockfamily fd.l4proto fd.name", "connect sendto", Degraded, "the protocol and the own end are known of some hooks only"},
	{"fd.lip fd.cip fd.lport fd.cport fd.lnet fd.cnet", "connect sendto", Degraded, "the own end is known of some hooks only"},
	{"fd.sip.name fd.rip.name fd.cip.name fd.lip.name", "connect sendto", Degraded, "names are those of the cluster's services"},
	{"fd.connected fd.name_changed", "sendto", Degraded, "a call that gives an address counts as one without a connection, to a new peer"},
	{"fd.type", opens, Degraded, "devices and pipes count as files"},

	{"proc.name proc.pname proc.aname", "", Degraded, "the base name of the program stands for the name of the process"},
	{"proc.cmdline proc.pcmdline proc.acmdline proc.args proc.exe proc.pexe proc.aexe", "", Degraded, "argv[0] is not known, and blanks in arguments are not told from those between them"},
	{"proc.exepath proc.pexepath proc.aexepath", "", Exact, ""},
	{"proc.cwd", "execve execveat", Degraded, "the directory is that in which the process began its program"},
	{"proc.cwd", "", Exact, ""},
	{"proc.tty", "", Degraded, "the terminal is not known: any counts"},
	{"proc.pid proc.ppid proc.apid proc.vpid proc.is_exe_from_memfd", "", Exact, ""},
	{"proc.duration", "", Degraded, "it counts from the exec, not from the fork"},
	{"thread.cap_effective thread.cap_permitted thread.cap_inheritable thread.tid", "", Exact, ""},
	{"user.uid", "execve execveat", Degraded, "the user is that of the exec"},
	{"user.uid", "", Exact, ""},
	{"group.gid", "", Degraded, "the group is that of the exec"},
	{"user.name group.name user.loginname", "", Degraded, "names of users are not known, but for root"},
	{"user.loginuid", "", Exact, ""},
	{
		"container.id container.name container.image container.image.repository container.image.tag container.privileged container.start_ts " +
			"k8s.ns.name k8s.pod.name k8s.pod.uid", "", Exact, "",
	},
}

// StatusOf is the status of a field for events of a type, and why it is not exact.
func StatusOf(r *catalog.Reference, e *catalog.EventType) (Status, string) {
	name := r.Field.Name
	if r.Parameter != "" {
		name += "." + r.Parameter
	}
	var general *row
	for i := range rows {
		one := &rows[i]
		if !one.names(name) {
			continue
		}
		if one.events == "" {
			if general == nil {
				general = one
			}
			continue
		}
		if slices.Contains(strings.Fields(one.events), e.Name) {
			return one.status, one.reason
		}
	}
	if general != nil {
		return general.status, general.reason
	}
	return Unavailable, "no event has it"
}

func (r *row) names(field string) bool {
	for name := range strings.FieldsSeq(r.fields) {
		if prefix, all := strings.CutSuffix(name, "*"); name == field || all && strings.HasPrefix(field, prefix) {
			return true
		}
	}
	return false
}
