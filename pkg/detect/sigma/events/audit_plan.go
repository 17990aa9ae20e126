// SPDX-License-Identifier: Apache-2.0

package events

import (
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// planned is a record of a kind of which only the named fields are known; what no such record has is absent.
type plannedRecord struct {
	kind  string
	known only
}

// Values implements sigma.Record.
func (p plannedRecord) Values(name string) sigma.Values {
	if name == "type" {
		return sigma.Values{Texts: []string{p.kind}}
	}
	if _, known := p.known[name]; known {
		return p.known.Values(name)
	}
	if name == sigma.KeywordsField {
		return unknown
	}
	if _, ok := argumentNumber(name); ok {
		if p.kind == typePath || p.kind == typeSyscall && isExec(p.known["SYSCALL"]) {
			return sigma.Values{}
		}
		return unknown
	}
	at, known := auditPlaces[name]
	if !known || auditTable[at].unavailable || auditTable[at].kind != "" && auditTable[at].kind != p.kind {
		return sigma.Values{}
	}
	return unknown
}

// execCall is how a program that begins is told; execveat is not told apart from it.
const execCall = "execve"

func isExec(call string) bool { return call == execCall || call == "execveat" }

// needsPath says whether a rule can match a record of a path of that nametype.
func needsPath(rule *sigma.Rule, nametype string) bool {
	return rule.Needs(plannedRecord{typePath, only{"nametype": nametype}})
}

func planAudit(rule *sigma.Rule) PlannedRule {
	planned := PlannedRule{Rule: rule, State: Armed}
	planned.describeAudit()
	planned.auditExecs()
	planned.auditPaths()
	planned.auditSyscalls()
	if planned.audited == [origins]bool{} {
		planned.State = Unsupported
		if len(planned.Reasons) == 0 {
			planned.Reasons = []string{"no record that is made of events has all that the rule asks for"}
		}
	}
	return planned
}

// describeAudit says what of the rule's fields and types there is not, and what is approximate.
func (r *PlannedRule) describeAudit() {
	for _, name := range r.FieldsRead() {
		_, isArgument := argumentNumber(name)
		at, known := auditPlaces[name]
		switch {
		case isArgument:
			r.approximate(name, "of a program: "+noteCommandLine+"; of a system call: only where the hook reads it")
		case name == sigma.KeywordsField:
			r.approximate("keywords", "the record has no more than events know")
		case !known:
			r.lacks(name, "records that are made of events do not have it")
		case auditTable[at].unavailable:
			r.lacks(name, auditTable[at].note)
		case auditTable[at].note != "":
			r.approximate(name, auditTable[at].note)
		}
	}
	for _, c := range r.Mentions("type") {
		if c.Operator == sigma.Equals && !slices.Contains(recordTypes, strings.ToUpper(c.Text)) {
			r.degrade("type: records of type " + strings.ToUpper(c.Text) + " are not made of events")
		}
	}
}

func (r *PlannedRule) approximate(field, note string) {
	r.Approximate = append(r.Approximate, Field{Name: field, Note: note})
}

// auditExecs arms the rule for programs that begin, if it can match one of their records.
func (r *PlannedRule) auditExecs() {
	r.audited[fromExec] = r.Rule.Needs(plannedRecord{typeExecve, nil}) || r.Rule.Needs(plannedRecord{typeSyscall, only{"SYSCALL": execCall}}) || needsPath(r.Rule, nameNormal)
	r.Needs.Exec = r.audited[fromExec]
}

// auditPaths arms the rule for files. Any open would be a record, so a rule that does not say how paths begin or end is tried on those of
// programs alone; if it asks for names that are made or removed, which are few, on these too.
func (r *PlannedRule) auditPaths() {
	normal := needsPath(r.Rule, nameNormal)
	creates, deletes, parents := needsPath(r.Rule, nameCreate), needsPath(r.Rule, nameDelete), needsPath(r.Rule, nameParent)
	paths := pushable(r.Rule, "name")
	if paths == nil && normal {
		if _, about := r.Requires("name"); about {
			r.degrade("name: tried on the paths of programs alone, because any opened file could match")
		}
		return
	}
	r.audited[fromOpen], r.audited[fromChange] = normal, creates || deletes || parents
	if normal {
		r.Needs.Files = append(r.Needs.Files, FileNeeds{Operations: []Operation{OpOpen, OpTruncate}, Paths: paths})
	}
	if creates || parents {
		r.Needs.Files = append(r.Needs.Files, FileNeeds{append(slices.Clone(fileCreations), OpMkdir), CreationFlags, paths})
	}
	if deletes || parents {
		r.Needs.Files = append(r.Needs.Files, FileNeeds{Operations: []Operation{OpUnlink, OpRmdir, OpRename}, Paths: paths})
	}
}

// mostSyscalls that a rule may name; the kernel has some 450.
const mostSyscalls = 500

// auditSyscalls arms the rule for the system calls that it names.
func (r *PlannedRule) auditSyscalls() {
	mentioned := r.Mentions("SYSCALL")
	if len(mentioned) > mostSyscalls {
		r.degrade("SYSCALL: the rule names more system calls than there are")
		mentioned = mentioned[:mostSyscalls]
	}
	for _, c := range mentioned {
		if c.Operator == sigma.Equals && !isExec(c.Text) && r.Rule.Needs(plannedRecord{typeSyscall, only{"SYSCALL": c.Text}}) {
			r.Needs.Syscalls = with(r.Needs.Syscalls, []string{c.Text})
		}
	}
	r.audited[fromSyscall] = len(r.Needs.Syscalls) > 0
	_, byComm := r.Requires("comm")
	_, byExe := r.Requires("exe")
	// What asks for a program finds it where it begins. A name that no system call has tells whether the rule may match any.
	if !byComm && !byExe && len(r.Mentions("type")) > 0 && len(r.Mentions("SYSCALL")) == 0 && r.Rule.Needs(plannedRecord{typeSyscall, only{"SYSCALL": ""}}) {
		r.degrade("SYSCALL: the rule names no system call, and is tried on the exec of programs alone")
	}
}
