// SPDX-License-Identifier: Apache-2.0

package events

import (
	"net/netip"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// Options are what the caller knows beside the events. Each function may be nil: then the field that it would make exact is
// approximate, or not there. They are called by Detect, must not wait, and their results are only read.
type Options struct {
	// Argv is the argument vector of a process, argv[0] included; nil when it is not known. complete is false when it was cut.
	Argv func(*event.Process) (argv []string, complete bool)
	// Executable is the file that a process loaded, where it is not Process.Binary; empty otherwise. Events say it of an exec only.
	Executable func(*event.Process) string
	// UserName is the name of an effective user id where the process runs; empty when it is not known.
	UserName func(p *event.Process, uid uint32) string
	// HostName is the name under which the process asked for an address; empty when it is not known. HostNamesExact: it is from the
	// answers of name servers, and not a guess from the questions.
	HostName       func(e *event.Event, address netip.Addr) string
	HostNamesExact bool
	// Opens says how well the session's hooks tell of opens that create or empty a file.
	Opens OpenDetail
	// AppletNames: the name in argv[0] is one of a program's names too, for shells that run their own applets as /proc/self/exe. A process
	// chooses it freely, so a match by it is marked, and negated items disregard it. It needs Argv.
	AppletNames bool
	// Existing: processes that were there before tracing are evaluated too, as if they had begun.
	Existing bool
}

// OpenDetail is how well opens are told apart.
type OpenDetail uint8

const (
	// OpensExact: an open tells LabelFlags and LabelMode, so that a file that it created is known. security_path_mknod, which the kernel
	// asks before it, then counts for special files only.
	OpensExact OpenDetail = iota
	// OpensByFlags: an open tells LabelFlags alone; the file may have been there before.
	OpensByFlags
	// OpensUntold: opens do not tell their flags; a file that is created is known from security_path_mknod, and one that is emptied not.
	OpensUntold
)

// openNotes say what that means for rules of file_event; empty for what is exact.
var openNotes = [...]string{
	OpensByFlags: "TargetFilename: an open with O_CREAT counts though the file may have been there before",
	OpensUntold:  "TargetFilename: files that are emptied by opening them are not told",
}

// note is empty if opens are told exactly.
func (o OpenDetail) note() string {
	if int(o) >= len(openNotes) {
		return ""
	}
	return openNotes[o]
}
