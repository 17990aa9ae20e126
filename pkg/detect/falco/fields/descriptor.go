// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"path"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
)

// openFamily opens a file: its descriptor is what the call returns.
var openFamily = []string{"open", "openat", "openat2", "creat"}

func (e *Event) opens() bool { return slices.Contains(openFamily, e.kind.Name) }

// fdByType are event types whose descriptor is an argument, by its label; of others that have one it is the result.
var fdByType = map[string]string{
	"connect": "fd", "listen": "fd", "sendto": "fd", "sendmsg": "fd", "recvfrom": "fd", "recvmsg": "fd", "fchmod": "fd", "setns": "fd",
	"finit_module": "fd", "unlinkat": "dirfd", "mkdirat": "dirfd", "fchmodat": "dirfd",
}

// descriptorGivers are those of fd.* without the ends of connections.
var descriptorGivers = merged(socketGivers, map[string]giver{
	"fd.num": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if label, argument := fdByType[e.kind.Name]; argument {
			if n, ok := e.argument(label).Integer(); ok {
				v.SetNumber(n)
			} else {
				v.State = compare.NotDelivered
			}
			return
		}
		if e.returned(v) {
			v.SetNumber(max(e.result, -1))
		}
	},
	"fd.name":      ofFile(func(name string) string { return name }),
	"fd.directory": ofFile(directoryOf),
	"fd.filename": func(e *Event, r *catalog.Reference, view compare.View, v *compare.Value) {
		if e.opens() && e.hasResult && e.result < 0 {
			return // there is no file
		}
		ofFile(path.Base)(e, r, view, v)
	},
	"fd.nameraw": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		if !e.opens() {
			return
		}
		if e.text("name", v); v.State == compare.NotDelivered {
			e.path("name", v)
		}
		v.Text = withoutRepeats(v.Text)
	},
	"fd.typechar": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { e.descriptorType(v, false) },
	"fd.type":     func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) { e.descriptorType(v, true) },
})

// directoryOf is a path up to its last slash.
func directoryOf(name string) string {
	if at := strings.LastIndexByte(name, '/'); at > 0 {
		return name[:at]
	}
	return "/"
}

// withoutRepeats takes repeated slashes away.
func withoutRepeats(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if name[i] != '/' || i == 0 || name[i-1] != '/' {
			b.WriteByte(name[i])
		}
	}
	return b.String()
}

// ofFile gives a part of the path of what was opened, or of the file that the call was given. Of sockets, fd.name is that of the
// connection.
func ofFile(part func(name string) string) giver {
	return func(e *Event, r *catalog.Reference, view compare.View, v *compare.Value) {
		switch {
		case e.socket.is && r.Field.Name == "fd.name":
			e.connection(v)
			return
		case e.socket.is:
			return
		case e.opens():
			e.opened(view, v)
		default:
			e.given(v)
		}
		if v.State == compare.Present {
			v.Text = part(v.Text)
		}
	}
}

// given gives the path of the file that the call was given, or of the directory at which its path begins.
func (e *Event) given(v *compare.Value) {
	a := e.argument("resolved")
	if fdByType[e.kind.Name] == "dirfd" {
		a = e.argument("dirfd")
	}
	switch {
	case a == nil || a.FileArg == nil:
		v.State = compare.NotDelivered
	case e.file(a.Label) != "":
		v.SetText(e.file(a.Label))
	}
}

// opened gives the path of an open in a view: normalised by its letters, or as the kernel found it.
func (e *Event) opened(view compare.View, v *compare.Value) {
	if view == compare.Resolved {
		if file := e.file("resolved"); file != "" {
			v.SetText(file)
			return
		}
	}
	if e.path("name", v); v.State == compare.Present {
		v.Text = path.Clean(v.Text)
	}
}

// kindWord is what a descriptor is: the letter of fd.typechar and the word of fd.type.
type kindWord struct{ letter, word string }

var (
	fileKind      = kindWord{"f", "file"}
	directoryKind = kindWord{"d", "directory"}
	ipv4Kind      = kindWord{"4", "ipv4"}
	ipv6Kind      = kindWord{"6", "ipv6"}
	unixKind      = kindWord{"u", "unix"}
	otherKind     = kindWord{"o", "other"}
)

// descriptorType gives what the descriptor is.
func (e *Event) descriptorType(v *compare.Value, word bool) {
	kind, known := e.kindOfDescriptor()
	switch {
	case !known:
		v.State = compare.NotDelivered
	case word:
		v.SetText(kind.word)
	default:
		v.SetText(kind.letter)
	}
}

func (e *Event) kindOfDescriptor() (kind kindWord, known bool) {
	switch {
	case e.socket.is:
		return e.socket.kind, true
	case !e.opens():
		return otherKind, false
	case e.kind.Name == "open" && e.hasResult && e.result < 0: // as in Falco, which knows nothing of the file then
		return otherKind, true
	}
	flags, _ := e.argument("flags").Integer()
	for _, word := range catalog.OpenFlags() {
		if word.Name == "O_DIRECTORY" && uint64(uint32(flags))&word.On(e.Arch) != 0 {
			return directoryKind, true
		}
	}
	return fileKind, true
}
