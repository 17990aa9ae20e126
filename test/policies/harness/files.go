// SPDX-License-Identifier: Apache-2.0

//go:build linux

package harness

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Folder makes one.
func Folder(t testing.TB, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// Fifo makes a named pipe.
func Fifo(t testing.TB, path string) {
	t.Helper()
	if err := unix.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
}
