// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package session

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// readerGone says that a write failed because nobody reads any more.
func readerGone(err error) bool { return errors.Is(err, syscall.EPIPE) }

// pollInterval is how soon AwaitReaderGone notices the end of its context.
const pollInterval = 250 * time.Millisecond

// AwaitReaderGone waits until nobody can read any more what is written to a pipe (then it returns true), or until ctx ends.
// In a quiet session, a write that would tell so ("| head") may be long in coming.
func AwaitReaderGone(ctx context.Context, out *os.File) bool {
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(out.Fd())}} // no events asked for: the kernel still tells errors
		n, err := unix.Poll(fds, int(pollInterval/time.Millisecond))
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return false
		case n > 0:
			return fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
	return false
}
