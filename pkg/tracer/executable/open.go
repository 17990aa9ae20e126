// SPDX-License-Identifier: Apache-2.0

//go:build linux

package executable

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OpenBelow opens a regular file for reading, as processes see it whose root directory root is: symbolic links, also those in
// the path, lead to nothing outside. Nothing but regular files is opened: to open a device or a pipe does something.
func OpenBelow(root, path string) (*os.File, error) {
	directory, err := os.OpenFile(root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer directory.Close()
	found, err := openat(int(directory.Fd()), path)
	if err != nil {
		return nil, fmt.Errorf("open below %s: %w", root, err)
	}
	return regular(found)
}

// OpenLink opens the regular file to which a link of /proc leads, such as those of /proc/PID/map_files.
func OpenLink(path string) (*os.File, error) {
	found, err := os.OpenFile(path, unix.O_PATH, 0)
	if err != nil {
		return nil, err
	}
	return regular(found)
}

// regular opens for reading what is open as a path only, and closes that.
func regular(found *os.File) (*os.File, error) {
	defer found.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(found.Fd()), &stat); err != nil {
		return nil, err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, errors.New("it is no regular file")
	}
	return os.Open(DescriptorPath(found))
}

// DescriptorPath leads to an open file until it is closed, whatever becomes of its name.
func DescriptorPath(file *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", file.Fd()) }

// mostTries: the kernel asks to try again when something was renamed on the way.
const mostTries = 32

func openat(directory int, path string) (*os.File, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(directory, path, &how)
		if err == nil {
			return os.NewFile(uintptr(fd), path), nil
		}
		if (err != unix.EAGAIN && err != unix.EINTR) || try == mostTries {
			return nil, err
		}
	}
}
