// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// File is a program's or library's file, open.
type File struct {
	// Name is the path that the policy has.
	Name string
	file *os.File
	elf  *executable.File
	size int64
	is   Identity
}

// Identity tells files apart. It is equal for the file of an image in all overlays that its containers have of it, each of which
// has a device number of its own: the kernel puts a probe on what lies below, and one through each overlay would be hit several
// times.
type Identity struct {
	inode             uint64
	size              int64
	modified, changed syscall.Timespec
}

// Identity of the file.
func (f *File) Identity() Identity { return f.is }

// Open opens a hook's file as processes with that root see it: symbolic links, also those in the path, lead to nothing
// outside. root is "" for the tracer's own, or the directory /proc/PID/root. The file must have one of the policy's digests if
// it has any.
//
// The error wraps fs.ErrNotExist if there is no such file, ErrDigest if it is another one, executable.ErrFormat if it is no
// ELF file that can be read.
func Open(root string, p *policy.Program) (*File, error) {
	f, err := open(root, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	return f, nil
}

func open(root string, p *policy.Program) (*File, error) {
	file, err := openBelow(root, p.Path)
	if err != nil {
		return nil, err
	}
	f := &File{Name: p.Path, file: file}
	if err := f.examine(p.Digests); err != nil {
		file.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) examine(digests []policy.Digest) error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	f.size = info.Size()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		f.is = Identity{stat.Ino, stat.Size, stat.Mtim, stat.Ctim}
	}
	// Before the digests: the build ID is read by it.
	if f.elf, err = executable.New(f.file, f.size); err != nil {
		return err
	}
	return f.checkDigests(digests)
}

// Close ends Path. What was attached through it stays.
func (f *File) Close() error { return f.file.Close() }

// Path leads to the open file, until Close: it is for link.OpenExecutable.
func (f *File) Path() string { return executable.DescriptorPath(f.file) }

// Types is the type information that the policy names for the program (btfPath), or the program's own. The error wraps
// btf.ErrNotFound if it has none.
func (f *File) Types(root string, p *policy.Program) (*btf.Spec, error) {
	if p.BTFPath == "" {
		spec, err := layout.File(f.file, f.size)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		return spec, nil
	}
	file, err := openBelow(root, p.BTFPath)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.BTFPath, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.BTFPath, err)
	}
	spec, err := layout.File(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.BTFPath, err)
	}
	return spec, nil
}

// openBelow a root, of which "" is the tracer's own.
func openBelow(root, path string) (*os.File, error) {
	if ofProcess, below, ok := throughProcess(path); ok {
		root, path = ofProcess, below
	}
	if root == "" {
		root = "/"
	}
	return executable.OpenBelow(root, path)
}

// procRoot is where Tetragon's agent has the node's /proc. Its policies lead through there to what a process sees.
const procRoot = "/procRoot/"

// throughProcess splits /procRoot/PID/root/PATH into the root of that process and what is below it.
func throughProcess(path string) (root, below string, ok bool) {
	rest, ok := strings.CutPrefix(path, procRoot)
	if !ok {
		return "", "", false
	}
	pid, below, ok := strings.Cut(rest, "/root/")
	if _, err := strconv.ParseUint(pid, 10, 32); err != nil || !ok {
		return "", "", false
	}
	return "/proc/" + pid + "/root", "/" + below, true
}

// Go says whether the program is of Go: a probe on the return of one of its functions makes it crash.
func (f *File) Go() bool { return f.elf.Go() }
