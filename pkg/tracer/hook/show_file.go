// SPDX-License-Identifier: Apache-2.0

//go:build linux

package hook

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// file makes a row's show from where the argument of an event has its file.
func file(set func(*event.Argument, event.FileArg)) func(*event.Argument, *Argument, *Machine) bool {
	return func(to *event.Argument, a *Argument, _ *Machine) bool {
		var v bpf.HookFileValue
		path, ok := cut(&v, a.Raw)
		if !ok {
			return false
		}
		f := event.FileArg{Path: pathOf(&v, path), Permission: permission(v.Mode)}
		if a.Flags&uint8(bpf.HookArgumentHeaderFlagsVALUE_PATH_CUT) != 0 {
			f.Flags = event.PathUnresolved
		}
		set(to, f)
		return true
	}
}

// Inode is the number of a file; false if the argument is none.
func (a *Argument) Inode() (number uint64, ok bool) {
	var v bpf.HookFileValue
	if shapeOf(a.Kind) != shapeFile {
		return 0, false
	}
	_, ok = cut(&v, a.Raw)
	return v.Inode, ok
}

// nameless are the types of files that mostly stand in no directory, and what /proc/PID/fd calls them before their inode.
var nameless = map[uint32]string{unix.S_IFIFO: "pipe", unix.S_IFSOCK: "socket"}

// pathOf a file: that which was resolved, "/" for none, and for what stands in no directory the name that /proc/PID/fd has.
func pathOf(v *bpf.HookFileValue, resolved []byte) string {
	if len(resolved) > 0 && string(resolved) != "/ (deleted)" {
		return text(resolved)
	}
	if kind := nameless[v.Mode&unix.S_IFMT]; kind != "" {
		return kind + ":[" + strconv.FormatUint(v.Inode, 10) + "]"
	}
	return "/"
}

func fileArg(to *event.Argument, f event.FileArg) { to.FileArg = &f }
func pathArg(to *event.Argument, f event.FileArg) { to.PathArg = &f }
func binprmArg(to *event.Argument, f event.FileArg) {
	to.LinuxBinprmArg = &event.LinuxBinprmArg{Path: f.Path, Flags: f.Flags, Permission: f.Permission}
}

func noFile(to *event.Argument)   { to.FileArg = &event.FileArg{} }
func noPath(to *event.Argument)   { to.PathArg = &event.FileArg{} }
func noBinprm(to *event.Argument) { to.LinuxBinprmArg = &event.LinuxBinprmArg{} }

// fileTypes are the letters that ls has for the S_IFMT bits.
var fileTypes = [...]byte{
	unix.S_IFREG >> 12: '-', unix.S_IFDIR >> 12: 'd', unix.S_IFLNK >> 12: 'l', unix.S_IFCHR >> 12: 'c',
	unix.S_IFBLK >> 12: 'b', unix.S_IFIFO >> 12: 'p', unix.S_IFSOCK >> 12: 's',
}

// specialBits are shown in the place of an x: the letter where that is set too, and where it is not.
var specialBits = [...]struct {
	bit     uint32
	at      int
	x, bare byte
}{{unix.S_ISUID, 3, 's', 'S'}, {unix.S_ISGID, 6, 's', 'S'}, {unix.S_ISVTX, 9, 't', 'T'}}

// permission is a mode as ls shows it; empty where there is no file. A type that has no letter is shown as ?.
func permission(mode uint32) string {
	if mode == 0 {
		return ""
	}
	shown := [...]byte{'?', 'r', 'w', 'x', 'r', 'w', 'x', 'r', 'w', 'x'}
	if kind := mode & unix.S_IFMT >> 12; kind < uint32(len(fileTypes)) && fileTypes[kind] != 0 {
		shown[0] = fileTypes[kind]
	}
	for i := 1; i < len(shown); i++ {
		if mode&(1<<(len(shown)-1-i)) == 0 {
			shown[i] = '-'
		}
	}
	for _, s := range specialBits {
		switch {
		case mode&s.bit == 0:
		case shown[s.at] == 'x':
			shown[s.at] = s.x
		default:
			shown[s.at] = s.bare
		}
	}
	return string(shown[:])
}
