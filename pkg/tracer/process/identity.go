// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"encoding/base64"
	"path"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
)

// execID is base64("<node>:<boot time in ns>:<tgid>"), as Tetragon builds it.
func execID(node string, start uint64, tgid uint32) string {
	return base64.StdEncoding.EncodeToString([]byte(node + ":" + strconv.FormatUint(start, 10) + ":" + strconv.FormatUint(uint64(tgid), 10)))
}

// binary is the path that is shown for an exec: what was asked to be executed, made absolute. That is what Tetragon shows
// and what a user recognises (/bin/vi, /sub.sh), while what the kernel loaded in the end may be a busybox or an interpreter;
// where the two differ, executable is told beside it. The name is the kernel's copy, so a process can't change it
// afterwards; names that say nothing by themselves (through a file descriptor, or through .. of what may be a symbolic link) give way to the
// loaded file.
func binary(i *kernel.Image) string {
	switch interpreted := i.Header.Flags&kernel.Interpreted != 0; {
	case i.Filename == "":
		return i.Executable
	case namesDescriptor(i.Filename) && !interpreted:
		return i.Executable
	case path.IsAbs(i.Filename) && !strings.Contains(i.Filename, "/../"):
		return path.Clean(i.Filename)
	case path.IsAbs(i.Filename) && interpreted:
		return path.Clean(i.Filename)
	case path.IsAbs(i.Filename) || i.Header.Flags&kernel.CwdCut != 0 || !interpreted && !onlyUpFirst(i.Filename):
		return i.Executable
	}
	return path.Join(i.Cwd, i.Filename)
}

// onlyUpFirst says whether a relative name has .. only at its beginning: the directory that it begins in has no symbolic link in its
// path, but a component of the name may be one.
func onlyUpFirst(name string) bool {
	down := false
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." && down {
			return false
		}
		down = down || part != ".." && part != "." && part != ""
	}
	return true
}

// namesDescriptor says whether a name means "what this descriptor refers to": /dev/fd/N is how the kernel words
// execveat(fd, ""), the others are how fexecve(3) does it.
func namesDescriptor(name string) bool {
	if strings.HasPrefix(name, "/dev/fd/") {
		return true
	}
	rest, ok := strings.CutPrefix(name, "/proc/")
	if !ok {
		return false
	}
	_, rest, ok = strings.Cut(rest, "/")
	return ok && (strings.HasPrefix(rest, "fd/") || rest == "exe")
}

// arguments joins argv[1..] as Tetragon does: with blanks between, and an argument that holds a blank in double quotes.
func arguments(argv string) string {
	_, rest, found := strings.Cut(argv, "\x00") // argv[0]
	if !found || rest == "" {
		return ""
	}
	words := strings.Split(strings.TrimSuffix(rest, "\x00"), "\x00")
	for i, word := range words {
		if strings.Contains(word, " ") {
			words[i] = `"` + word + `"`
		}
	}
	return strings.ToValidUTF8(strings.Join(words, " "), "\uFFFD")
}
