// SPDX-License-Identifier: Apache-2.0

// Package testprogram has the compiled programs that tests run, as testdata/Makefile of the test's package describes them: its
// target $(BUILD)/NAME builds one, and the default target all.
package testprogram

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// BuiltBefore is the environment variable with the folder in which all programs of the package were built beforehand, for
// machines without a compiler.
const BuiltBefore = "TRACE_SEC_TEST_PROGRAMS"

// Path is a program's path, in a folder of its own that is removed with the test. The test fails if it can't be built.
func Path(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if folder := os.Getenv(BuiltBefore); folder != "" {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if out, err := exec.Command("make", "-s", "-C", "testdata", "BUILD="+filepath.Dir(path), path).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}
