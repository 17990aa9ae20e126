// SPDX-License-Identifier: Apache-2.0

package events

import (
	"path"
	"strconv"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// auditRow is a field of the audit daemon's records beside the arguments a0, a1, ….
type auditRow struct {
	name string
	// kind of records that have it, empty for all; quoted: its value stands in quotes in the record's text.
	kind   string
	quoted bool
	values func(*auditRecord, *memory) sigma.Values
	// note says what is not exact about it; unavailable: no record has it.
	note        string
	unavailable bool
}

// longestComm is how many bytes of a program's name the kernel keeps (TASK_COMM_LEN less the zero byte).
const longestComm = 15

// auditTable is in the order in which the fields stand in a record's text. A field that it lacks is absent from every record.
var auditTable = [...]auditRow{
	{name: "type", values: func(a *auditRecord, m *memory) sigma.Values { return m.whole(a.kind) }},
	{name: "argc", kind: typeExecve, values: argc},
	{name: "SYSCALL", kind: typeSyscall, values: func(a *auditRecord, m *memory) sigma.Values { return m.whole(a.call) }},
	{name: "success", kind: typeSyscall, values: success},
	{name: "exit", kind: typeSyscall, values: exit, note: "only where the hook reads what is returned"},
	{name: "auid", kind: typeSyscall, values: auditAuid},
	{name: "uid", kind: typeSyscall, values: auditUID, note: "the effective user's where the session does not read credentials"},
	{name: "euid", kind: typeSyscall, values: auditEuid},
	{name: "comm", kind: typeSyscall, quoted: true, values: comm, note: "the name of the program's file, not one that a process gave itself"},
	{name: "exe", kind: typeSyscall, quoted: true, values: exe, note: "the file that was loaded only where it is known, otherwise the path that was asked for"},
	{name: "name", kind: typePath, quoted: true, values: pathName, note: "the resolved path, not as it was asked for"},
	{name: "nametype", kind: typePath, values: func(a *auditRecord, m *memory) sigma.Values { return m.whole(a.nametype) }},
	{name: "key", values: absent, note: "only an administrator's audit rules set it", unavailable: true},
	{name: "unit", values: absent, note: "only systemd's own records have it", unavailable: true},
}

// auditPlaces are the places of fields in the table.
var auditPlaces = func() map[string]int {
	places := map[string]int{}
	for i := range auditTable {
		places[auditTable[i].name] = i
	}
	return places
}()

func absent(*auditRecord, *memory) sigma.Values { return sigma.Values{} }

func argc(a *auditRecord, m *memory) sigma.Values {
	if a.argv.cut || a.argv.unknown {
		return unknown
	}
	return m.whole(strconv.Itoa(len(a.argv.words)))
}

func success(a *auditRecord, m *memory) sigma.Values {
	if a.event.ProcessExec != nil {
		return m.whole("yes")
	}
	result, ok := signed(a)
	switch {
	case !ok:
		return unknown
	case result < 0:
		return m.whole("no")
	}
	return m.whole("yes")
}

func exit(a *auditRecord, m *memory) sigma.Values {
	if a.event.ProcessExec != nil {
		return m.whole("0")
	}
	if result, ok := signed(a); ok {
		return m.whole(strconv.FormatInt(result, 10))
	}
	return unknown
}

// signed is what the system call returned.
func signed(a *auditRecord) (int64, bool) {
	switch {
	case a.returned == nil:
		return 0, false
	case a.returned.IntArg != nil:
		return int64(*a.returned.IntArg), true
	}
	result, ok := number(a.returned)
	return int64(result), ok
}

func auditAuid(a *auditRecord, m *memory) sigma.Values { return m.id(a.process.Auid) }

func auditUID(a *auditRecord, m *memory) sigma.Values {
	if c := a.process.ProcessCredentials; c != nil && c.Uid != nil {
		return m.id(c.Uid)
	}
	return m.id(a.process.Uid)
}

func auditEuid(a *auditRecord, m *memory) sigma.Values {
	if c := a.process.ProcessCredentials; c != nil && c.Euid != nil {
		return m.id(c.Euid)
	}
	return m.id(a.process.Uid)
}

func (m *memory) id(id *uint32) sigma.Values {
	if id == nil {
		return unknown
	}
	return m.whole(strconv.FormatUint(uint64(*id), 10))
}

func comm(a *auditRecord, m *memory) sigma.Values {
	if a.process.Binary == "" {
		return unknown
	}
	name := path.Base(a.process.Binary)
	return m.whole(name[:min(len(name), longestComm)])
}

func exe(a *auditRecord, m *memory) sigma.Values {
	if a.process.Binary == "" {
		return unknown
	}
	if a.executable != "" {
		return m.whole(a.executable)
	}
	return m.whole(a.process.Binary)
}

func pathName(a *auditRecord, m *memory) sigma.Values { return m.paths(a.path, "") }

// AuditFields are the fields that rules of the audit daemon may ask for, beside the arguments a0, a1, … and keywords. They have no
// categories.
func AuditFields() []Field {
	all := make([]Field, len(auditTable))
	for i, row := range auditTable {
		all[i] = Field{Name: row.name, Note: row.note, Unavailable: row.unavailable}
	}
	return all
}
