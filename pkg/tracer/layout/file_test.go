// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/testprogram"
)

func TestFile(t *testing.T) {
	// From an ELF file, and the section alone.
	for _, path := range []string{testprogram.Path(t, "shapes"), testprogram.Path(t, "section")} {
		if walk, err := Resolve(nil, structure(t, fileSpec(t, path), "shape"), stepsOf(t, "leaves[1].number")); err != nil || walk.Offsets[0] != 56 {
			t.Errorf("%s: %v, %v", path, walk, err)
		}
	}

	for path, want := range map[string]string{
		"/proc/self/exe":                  "no section .BTF",
		testprogram.Path(t, "compressed"): "compressed",
		"/etc/passwd":                     "type information",
		"/dev/null":                       "type information",
	} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := File(bytes.NewReader(content), int64(len(content)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %s", path, spec, err, want)
		}
		if path == "/proc/self/exe" && !errors.Is(err, btf.ErrNotFound) {
			t.Error(err)
		}
	}
	if _, err := File(bytes.NewReader(nil), mostBTF+1); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Error(err)
	}
}

// FuzzFile: what a file from a container holds ends in an error or in type information that can be walked.
func FuzzFile(f *testing.F) {
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Add([]byte("\x9f\xeb\x01\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"))
	number := &btf.Int{Name: "int", Size: 4}
	shape := &btf.Struct{Name: "s", Size: 16, Members: []btf.Member{{Name: "bits", Type: number, BitfieldSize: 3}}}
	shape.Members = append(shape.Members, btf.Member{Name: "next", Type: &btf.Pointer{Target: shape}, Offset: 64},
		btf.Member{Type: &btf.Union{Size: 4, Members: []btf.Member{{Name: "many", Type: &btf.Array{Index: number, Type: number, Nelems: 1}}}}, Offset: 32})
	builder, err := btf.NewBuilder([]btf.Type{shape, &btf.Typedef{Name: "t", Type: shape}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := builder.Marshal(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, content []byte) {
		spec, err := File(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		for found, err := range spec.All() {
			if err != nil {
				return
			}
			_ = TypeName(found)
			_, _ = TypeFor(found)
			for _, name := range memberNames(found) {
				_, _ = Resolve(spec, found, path(name+".[1]."+name))
			}
		}
	})
}
