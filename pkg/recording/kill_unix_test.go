// SPDX-License-Identifier: Apache-2.0

//go:build unix

package recording

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// writesTo is the environment variable that makes this test's program write a recording without end.
const writesTo = "TRACE_SEC_TEST_WRITES"

// A recorder that is killed at any moment leaves whole frames, whose events are those that were written, in their order.
func TestKilled(t *testing.T) {
	if name := os.Getenv(writesTo); name != "" {
		writeForever(t, name)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const kills = 200
	most := 0
	for i := range kills {
		name := filepath.Join(t.TempDir(), "x"+Suffix)
		cmd := exec.Command(self, "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), writesTo+"="+name)
		ready, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(ready, make([]byte, 1)); err != nil { // the file is there
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		lines, damaged, end := read(t, name)
		if damaged != nil || !errors.Is(end, ErrIncomplete) {
			t.Fatalf("kill %d: damaged %v, %v", i, damaged, end)
		}
		for n, line := range lines {
			if want, _ := execLine("n1", n+1); line != string(want) {
				t.Fatalf("kill %d: line %d is %s", i, n, line)
			}
		}
		most = max(most, len(lines))
		report, err := Verify(name)
		if err != nil || report.Trailer != nil || int(report.Events) != len(lines) {
			t.Fatalf("kill %d: %v, %+v", i, err, report)
		}
	}
	if most == 0 {
		t.Error("no killed writer left an event")
	}
}

func writeForever(t *testing.T, name string) {
	f, err := Create(name, manifest(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString("x")
	for number := 1; ; number++ {
		if err := f.Add(execLine("n1", number)); err != nil {
			t.Fatal(err)
		}
		if number%7 == 0 {
			if err := f.CloseFrame(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
