// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// readerGone says that a write failed because nobody reads any more.
func readerGone(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}

// AwaitReaderGone waits for ctx: Windows tells of a closed pipe only on writing.
func AwaitReaderGone(ctx context.Context, _ *os.File) bool {
	<-ctx.Done()
	return false
}
