// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracefs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// ErrNotMounted: there is no tracefs, and it could not be mounted.
var ErrNotMounted = errors.New("tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing on the node")

// directories where tracefs is mounted: its own, and the older one below debugfs.
var directories = []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}

// mostFormat is how much of a format file is read, in bytes. The largest of Linux 6.18 has 12 KiB.
const mostFormat = 1 << 20

// Tracefs is an open tracefs.
type Tracefs struct {
	root  *os.File
	files fs.FS
}

// Open finds the mounted tracefs or mounts one for us alone, which no directory shows and which ends with Close. The error
// wraps ErrNotMounted.
func Open() (*Tracefs, error) { return openIn(directories) }

func openIn(directories []string) (*Tracefs, error) {
	for _, directory := range directories {
		if root, err := os.Open(directory); err == nil {
			var file unix.Statfs_t
			if err := unix.Fstatfs(int(root.Fd()), &file); err == nil && file.Type == unix.TRACEFS_MAGIC {
				return open(root), nil
			}
			root.Close()
		}
	}
	root, err := mount()
	if err != nil {
		return nil, fmt.Errorf("%w (mounting it for the tracer alone: %w)", ErrNotMounted, err)
	}
	return open(root), nil
}

func open(root *os.File) *Tracefs {
	return &Tracefs{root, os.DirFS(fmt.Sprintf("/proc/self/fd/%d", root.Fd()))}
}

// mount makes a mount that is attached nowhere.
func mount() (*os.File, error) {
	context, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsopen: %w", err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return nil, fmt.Errorf("fsconfig: %w", err)
	}
	root, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsmount: %w", err)
	}
	return os.NewFile(uintptr(root), "tracefs"), nil
}

// Close ends it; formats that were read stay.
func (t *Tracefs) Close() error { return t.root.Close() }

// Format reads a tracepoint's. The error wraps fs.ErrNotExist if there is none, and names the nearest that there is.
func (t *Tracefs) Format(subsystem, event string) (*Format, error) {
	what := "tracepoint " + subsystem + "/" + event
	for _, name := range []string{subsystem, event} {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return nil, fmt.Errorf("%s: %q is no name: %w", what, name, fs.ErrNotExist)
		}
	}
	file, err := t.files.Open("events/" + subsystem + "/" + event + "/format")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, t.missing(what, subsystem, event)
		}
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostFormat))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	format, err := parse(subsystem, event, string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return format, nil
}

// missing says which of both names is wrong.
func (t *Tracefs) missing(what, subsystem, event string) error {
	if names := t.names("events/" + subsystem); names != nil {
		return fmt.Errorf("%s: %w on this kernel%s", what, fs.ErrNotExist, policy.DidYouMean(event, names))
	}
	return fmt.Errorf("%s: %w: this kernel has no subsystem %s%s", what, fs.ErrNotExist, subsystem, policy.DidYouMean(subsystem, t.names("events")))
}

func (t *Tracefs) names(directory string) (names []string) {
	entries, err := fs.ReadDir(t.files, directory)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}
