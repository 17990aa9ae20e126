// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

// A pipe that nobody writes to is not waited for.
func TestPipesAreNotRead(t *testing.T) {
	directory := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(directory, "pipe.yml"), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := sigma.Load(t.Context(), []string{directory}, sigma.Options{})
	if err != nil || len(loaded.Refusals) != 1 || loaded.Refusals[0].Error() != filepath.Join(directory, "pipe.yml")+": not a regular file" {
		t.Errorf("%+v, %v", loaded, err)
	}
}
