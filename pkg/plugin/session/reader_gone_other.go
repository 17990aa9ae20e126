// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package session

import (
	"errors"
	"syscall"
)

// readerGone says that a write failed because nobody reads any more.
func readerGone(err error) bool { return errors.Is(err, syscall.EPIPE) }
