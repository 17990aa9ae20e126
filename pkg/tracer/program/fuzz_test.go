// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
)

// FuzzFile: whatever a container has where a program is looked for, it is read or refused.
func FuzzFile(f *testing.F) {
	for i, options := range [][]string{{"-static"}, {"-shared", "-fPIC"}, {"-static", "-s"}} {
		small := filepath.Join(f.TempDir(), "small")
		options = append(options, "-nostdlib", "-Wl,--build-id", "-Wl,-z,noseparate-code", "-o", small, "testdata/small.c")
		if out, err := exec.Command("gcc", options...).CombinedOutput(); err != nil {
			f.Fatalf("%d: %v: %s", i, err, out)
		}
		content, err := os.ReadFile(small)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		read, err := executable.New(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		file := &File{Name: "fuzz", elf: read, size: int64(len(content))}
		_, _ = read.BuildID()
		places, err := file.Places(&policy.Program{Symbols: []policy.Symbol{{Name: "watched"}, {Name: "main.main", Offset: 1}}})
		for _, place := range places {
			if _, inCode := read.Address(place.Offset, executable.Code); err != nil || inCode != nil {
				t.Errorf("%+v is not in the code: %v, %v", place, err, inCode)
			}
		}
		_, _ = file.Places(&policy.Program{Addresses: []uint64{0x1000, ^uint64(0)}, Offsets: []uint64{0, 0x1000}})
		probes, err := file.Probes("small", "watched")
		if err == nil && len(probes) == 0 {
			t.Error("no probes, and no error")
		}
	})
}
