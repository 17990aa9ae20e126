// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// argumentGivers are those of evt.arg.* and of what follows from arguments.
var argumentGivers = map[string]giver{
	"evt.arg.name": pathArgument("name", "resolved"), "evt.arg.path": pathArgument("path", "resolved"),
	"evt.arg.filename": pathArgument("filename", "resolved"), "evt.arg.oldpath": pathArgument("oldpath", "resolved"),
	"evt.arg.newpath": pathArgument("newpath", ""), "evt.arg.linkpath": pathArgument("linkpath", ""),
	"evt.arg.target": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { e.text("target", v) },
	"evt.arg.flags": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if !slices.Contains(openTypes, e.kind.Name) {
			v.State = compare.NotDelivered
			return
		}
		e.number("flags", v, func(n int64) string { return catalog.OpenFlagWords(uint64(uint32(n)), e.Arch) })
	},
	"evt.arg.mode": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if flags, ok := e.argument("flags").Integer(); ok && slices.Contains(openTypes, e.kind.Name) && flags&(create|temporary) == 0 {
			v.SetText(catalog.ModeWords(0)) // nothing is made, and the argument may be anything
			return
		}
		e.number("mode", v, func(n int64) string { return catalog.ModeWords(uint64(uint32(n))) })
	},
	"evt.arg.request": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		e.number("request", v, func(n int64) string { return catalog.PtraceRequest(uint64(n)) })
	},
	"evt.arg.cmd": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if a := e.argument("cmd"); a != nil && a.BpfCmdArg != nil {
			v.SetText(*a.BpfCmdArg)
			return
		}
		e.number("cmd", v, func(n int64) string { return event.BpfCommandName(uint32(n)) })
	},
	"evt.arg.domain": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		e.number("domain", v, func(n int64) string { return event.FamilyName(uint16(n)) })
	},
	"evt.arg.uid": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		n, ok := e.argument("uid").Integer()
		id := uint32(n)
		if !ok {
			giveUser(v, nil)
			return
		}
		giveUser(v, &id)
	},
	"evt.arg.res": eventGivers["evt.res"],
	"evt.arg.fd": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		e.number("fd", v, func(n int64) string { return fmt.Sprint(n) })
	},
	"evt.buffer": giveBuffer,
	"evt.is_open_read": ofFlags(func(flags, _ uint64) bool {
		read, _ := catalog.AccessMode(flags)
		return read
	}, true),
	"evt.is_open_write": ofFlags(func(flags, _ uint64) bool {
		_, write := catalog.AccessMode(flags)
		return write
	}, true),
	"evt.is_open_create": ofFlags(func(flags, _ uint64) bool { return flags&create != 0 }, true),
	"evt.is_open_exec": ofFlags(func(flags, mode uint64) bool {
		return flags&(create|temporary) != 0 && mode&executable != 0
	}, false),
}

// openTypes have flags of open; creat has none, and acts as if it had those of creatFlags.
var openTypes = []string{"open", "openat", "openat2"}

// Bits of the arguments of opens: O_CREAT, the bit that O_TMPFILE alone has, and those of executing in a mode. The first two are the
// same on x86-64 and arm64.
const (
	create     = 0o100
	temporary  = 0o20000000
	executable = 0o111
	creatFlags = 0o1101 // O_CREAT, O_WRONLY, O_TRUNC: open(2)
)

// ofFlags gives what the flags of an open say; unread is what counts where they can't be read (openat2).
func ofFlags(is func(flags, mode uint64) bool, unread bool) giver {
	return func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		flags, known := e.argument("flags").Integer()
		if e.kind.Name == "creat" {
			flags, known = creatFlags, true
		}
		mode, _ := e.argument("mode").Integer()
		switch {
		case known:
			v.SetBool(is(uint64(uint32(flags)), uint64(uint32(mode))))
		case e.kind.Name == "openat2" && unread:
			v.SetBool(true)
		default:
			v.State = compare.NotDelivered
		}
	}
}

// text gives a text argument.
func (e *Event) text(label string, v *compare.Value) bool {
	a := e.argument(label)
	if a == nil || a.StringArg == nil {
		v.State = compare.NotDelivered
		return false
	}
	v.SetText(*a.StringArg)
	return true
}

// number gives a number argument by its name.
func (e *Event) number(label string, v *compare.Value, name func(n int64) string) {
	n, ok := e.argument(label).Integer()
	if !ok {
		v.State = compare.NotDelivered
		return
	}
	v.SetText(name(n))
}

// pathArgument gives a path: as it was given if it is absolute, else joined; in the resolved view the file that was found, if it is known.
func pathArgument(label, resolved string) giver {
	return func(e *Event, _ *catalog.Reference, view compare.View, v *compare.Value) {
		if view == compare.Resolved && resolved != "" {
			if file := e.file(resolved); file != "" {
				v.SetText(file)
				return
			}
		}
		e.path(label, v)
	}
}

// path gives a path argument, a relative one joined. What an open was given and could not be read is the file that it found; if it found
// none there is no value: programs that begin try many files, and nothing was opened.
func (e *Event) path(label string, v *compare.Value) {
	if !e.text(label, v) {
		if e.found {
			v.State = compare.Absent
			if file := e.file("resolved"); file != "" {
				v.SetText(file)
			}
		}
		return
	}
	if !strings.HasPrefix(v.Text, "/") {
		e.join(v, directories[label])
	}
}

// directories are the labels of the descriptors that relative paths begin at; of others it is dirfd.
var directories = map[string]string{"newpath": "newdirfd"}

// join makes a relative path absolute: with the directory that the call was given, or that of the process.
func (e *Event) join(v *compare.Value, descriptor string) {
	if descriptor == "" {
		descriptor = "dirfd"
	}
	directory := e.file(descriptor)
	if directory == "" {
		directory = e.directory()
	}
	if directory == "" {
		v.State = compare.NotDelivered
		return
	}
	v.SetText(path.Join(directory, v.Text))
}

// directory is that of the process: when it made the call if that is told, else when it began its program.
func (e *Event) directory() string {
	if now := e.file("cwd"); now != "" {
		return now
	}
	return e.process.Cwd
}

// file is the path of an argument that is a file; empty if it is none, or has no path.
func (e *Event) file(label string) string {
	a := e.argument(label)
	if a == nil {
		return ""
	}
	for _, file := range []*event.FileArg{a.FileArg, a.PathArg} {
		if file != nil && strings.HasPrefix(file.Path, "/") && file.Flags == "" {
			return strings.TrimSuffix(file.Path, deleted)
		}
	}
	return ""
}

// mostBuffer is how much of what was sent or received Falco looks at, in bytes.
const mostBuffer = 80

func giveBuffer(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
	a := e.argument("data")
	switch {
	case a == nil:
		v.State = compare.NotDelivered
	case a.BytesArg != nil:
		v.SetText(string(a.BytesArg[:min(len(a.BytesArg), mostBuffer)]))
	case a.TruncatedBytesArg != nil:
		data := a.TruncatedBytesArg.BytesArg
		v.SetText(string(data[:min(len(data), mostBuffer)]))
	default:
		v.State = compare.NotDelivered
	}
}

// arguments are all that can be told as name=value.
func (e *Event) arguments() string {
	var words []string
	for _, name := range e.kind.Parameters {
		give, ok := givers["evt.arg."+name]
		reference, err := catalog.Resolve("evt.arg."+name, "", false)
		if !ok || err != nil {
			continue
		}
		var v compare.Value
		if give(e, reference, compare.Lexical, &v); v.State == compare.Present {
			words = append(words, name+"="+v.Text)
		}
	}
	return strings.Join(words, " ")
}
