// SPDX-License-Identifier: Apache-2.0

package events

import (
	"path"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// filePath is a path as a hook resolved it; unresolved when its first components are missing.
type filePath struct {
	path       string
	unresolved bool
}

// fileChange is what an event tells of a file.
type fileChange struct {
	operation Operation
	// path is the file; from is what a rename or a removal takes away.
	path, from filePath
	// asked is the path that the process asked for, made absolute; empty when it is not told.
	asked string
	// created and truncated are known of an open that tells its flags.
	created, truncated bool
	// regular: what is created is a regular file.
	regular bool
}

// CreationFlags are O_CREAT and O_TRUNC (include/uapi/asm-generic/fcntl.h; the same on x86 and ARM): one of them is set in each open
// that is a file event.
const CreationFlags = flagCreate | flagTruncate

const (
	flagCreate   = 0o100
	flagTruncate = 0o1000
	// modeCreated is FMODE_CREATED (include/linux/fs.h, since 4.19).
	modeCreated = 0x100000
	// typeMask and typeRegular are S_IFMT and S_IFREG (include/uapi/linux/stat.h).
	typeMask    = 0o170000
	typeRegular = 0o100000
)

// fileChangeOf reads an event of a hook on files.
func fileChangeOf(e *event.Event, h *Hook) fileChange {
	args := e.Hooked().Args
	c := fileChange{operation: h.Operation, path: pathAt(args, h.path), from: pathAt(args, h.from)}
	if a := labelled(args, LabelAsked); a != nil && a.StringArg != nil {
		c.asked = absolute(*a.StringArg, e.Process())
	}
	flags, _ := number(labelled(args, LabelFlags))
	mode, hasMode := number(labelled(args, LabelMode))
	c.created = mode&modeCreated != 0 || !hasMode && flags&flagCreate != 0
	c.truncated = flags&flagTruncate != 0
	if h.Operation == OpCreate && len(args) > h.path+1 {
		fileType, told := number(&args[h.path+1])
		c.regular = told && (fileType&typeMask == 0 || fileType&typeMask == typeRegular)
	}
	return c
}

// isFileEvent says whether a change is one that rules of file_event are about: a name that was not there, or a file that was emptied. An
// open that does not tell its flags may be of any file, and is none.
func (c *fileChange) isFileEvent(o *Options) bool {
	switch c.operation {
	case OpOpen:
		return c.created || c.truncated
	case OpCreate:
		return !c.regular || o.Opens == OpensUntold
	case OpRename, OpLink, OpSymlink:
		return true
	}
	return false
}

func pathAt(args []event.Argument, at int) filePath {
	if at < 0 || at >= len(args) {
		return filePath{}
	}
	file := args[at].PathArg
	if file == nil {
		file = args[at].FileArg
	}
	if file == nil {
		return filePath{}
	}
	return filePath{file.Path, file.Flags == event.PathUnresolved}
}

// absolute is a path as it was asked for, from the process's working directory; empty when that is not known.
func absolute(asked string, p *event.Process) string {
	switch {
	case asked == "":
		return ""
	case strings.HasPrefix(asked, "/"):
		return path.Clean(asked)
	case p == nil || p.Cwd == "" || event.ParseFlags(p.Flags)&event.FlagErrorCwd != 0:
		return ""
	}
	return path.Join(p.Cwd, asked)
}

func labelled(args []event.Argument, label string) *event.Argument {
	for i := range args {
		if args[i].Label == label {
			return &args[i]
		}
	}
	return nil
}

// number is an argument that is an integer of any kind.
func number(a *event.Argument) (uint64, bool) {
	switch {
	case a == nil:
	case a.IntArg != nil:
		return uint64(*a.IntArg), true
	case a.UintArg != nil:
		return uint64(*a.UintArg), true
	case a.LongArg != nil:
		return uint64(*a.LongArg), true
	case a.SizeArg != nil:
		return *a.SizeArg, true
	}
	return 0, false
}
