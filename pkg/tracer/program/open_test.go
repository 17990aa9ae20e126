// SPDX-License-Identifier: Apache-2.0

//go:build linux

package program

import (
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cilium/ebpf/btf"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/executable"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
)

// container is a directory that is some process's root, with a program in it, beside which another one lies outside.
func container(t *testing.T) (root string) {
	t.Helper()
	outside := t.TempDir()
	root = filepath.Join(outside, "root")
	for _, directory := range []string{"root/bin", "root/lib"} {
		if err := os.MkdirAll(filepath.Join(outside, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "gcc", "-o", filepath.Join(root, "bin/inside"), "testdata/usdt.c")
	command(t, "gcc", "-o", filepath.Join(outside, "outside"), "testdata/functions.c", "testdata/twin.c")
	for link, target := range map[string]string{
		"bin/link": "inside", "bin/absolute": "/bin/inside", "bin/up": "../../../../../../bin/inside", "lib/way": "../bin",
		"bin/out": "../../outside", "bin/proc": "/proc/self/exe", "bin/loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(root, "bin/pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestOpenThroughProcess: policies that were written for Tetragon's agent name files of the node by a process's root.
func TestOpenThroughProcess(t *testing.T) {
	root := container(t)
	inside := filepath.Join(root, "bin/inside")
	want, err := os.Stat(inside)
	if err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprintf("/procRoot/%d/root", os.Getpid())
	f, err := Open("/nowhere", &policy.Program{Path: own + inside})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := os.Stat(f.Path()); err != nil || !os.SameFile(got, want) {
		t.Errorf("opened %+v, %v", got, err)
	}
	for _, path := range []string{"/procRoot/self/root" + inside, "/procRoot/1/cwd/x", own, "/procRoot/-1/root/x"} {
		if f, err := Open(root, &policy.Program{Path: path}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: opened %v, %v", path, f, err)
		}
	}
}

func TestOpenStaysBelowRoot(t *testing.T) {
	root := container(t)
	want, err := os.Stat(filepath.Join(root, "bin/inside"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/bin/inside", "bin/inside", "/bin/link", "/bin/absolute", "/bin/up", "/lib/way/inside", "/../../bin/inside", "/lib/../bin/inside"} {
		f, err := Open(root, &policy.Program{Path: path})
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := os.Stat(f.Path())
		if err != nil || !os.SameFile(got, want) {
			t.Errorf("%s is not the program: %v", path, err)
		}
		f.Close()
	}
	for path, want := range map[string]error{
		"/bin/out": fs.ErrNotExist, "/../outside": fs.ErrNotExist, "/bin/proc": fs.ErrNotExist, "/bin/loop": unix.ELOOP,
		"/bin/nothing": fs.ErrNotExist, "/bin/pipe": nil, "/bin": nil,
	} {
		f, err := Open(root, &policy.Program{Path: path})
		if err == nil || want != nil && !errors.Is(err, want) || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s: %v, %v", path, f, err)
		}
		if want == nil && !strings.Contains(err.Error(), "no regular file") {
			t.Error(err)
		}
	}
	if f, err := Open("/proc/self/root", &policy.Program{Path: "/bin/bash"}); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	if _, err := Open("/no/such/root", &policy.Program{Path: "/bin/bash"}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open("", &policy.Program{Path: "/etc/passwd"}); !errors.Is(err, executable.ErrFormat) {
		t.Error(err)
	}
}

// TestSwapped: what is attached is what was opened, although another file has its name.
func TestSwapped(t *testing.T) {
	path := compiled(t, "testdata/functions.c", "testdata/twin.c")
	f := opened(t, &policy.Program{Path: path})
	places, err := f.Places(&policy.Program{Symbols: []policy.Symbol{{Name: "global_function"}}})
	if err != nil {
		t.Fatal(err)
	}
	original := path + ".original"
	if err := os.Rename(path, original); err != nil {
		t.Fatal(err)
	}
	command(t, "cp", original, path)
	if n := hits(t, original, f, places); n[0] != 1 {
		t.Errorf("the file that was opened: %d hits", n[0])
	}
	if n := hits(t, path, f, places); n[0] != 0 {
		t.Errorf("the file that has its name now: %d hits", n[0])
	}
}

func TestDigests(t *testing.T) {
	path := compiled(t, "testdata/functions.c", "testdata/twin.c", "-Wl,--build-id=sha1")
	digest := func(algorithm, hexadecimal string) policy.Digest {
		sum, err := hex.DecodeString(hexadecimal)
		if err != nil {
			t.Fatal(err)
		}
		return policy.Digest{Algorithm: algorithm, Sum: sum}
	}
	var all []policy.Digest
	for _, algorithm := range []string{"sha1", "sha256", "sha384", "sha512"} {
		all = append(all, digest(algorithm, strings.Fields(command(t, algorithm+"sum", path))[0]))
	}
	_, id, found := strings.Cut(command(t, "readelf", "-n", path), "Build ID: ")
	if !found {
		t.Fatal("readelf has no build ID")
	}
	all = append(all, digest("build-id", strings.Fields(id)[0]))
	wrong := digest("sha256", strings.Repeat("00", 32))
	for _, right := range all {
		opened(t, &policy.Program{Path: path, Digests: []policy.Digest{right}})
		opened(t, &policy.Program{Path: path, Digests: []policy.Digest{wrong, right}})
		other := policy.Digest{Algorithm: right.Algorithm, Sum: append([]byte{right.Sum[0] ^ 1}, right.Sum[1:]...)}
		_, err := Open("", &policy.Program{Path: path, Digests: []policy.Digest{other, wrong}})
		if !errors.Is(err, ErrDigest) || !strings.Contains(err.Error(), right.Algorithm+":"+hex.EncodeToString(right.Sum)) {
			t.Error(err)
		}
	}
	// Who has no build ID has not the empty one.
	without := path + ".without"
	command(t, "objcopy", "--remove-section=.note.gnu.build-id", path, without)
	if _, err := Open("", &policy.Program{Path: without, Digests: []policy.Digest{{Algorithm: "build-id"}}}); !errors.Is(err, ErrDigest) {
		t.Error(err)
	}
	if _, err := Open("", &policy.Program{Path: path, Digests: []policy.Digest{{Algorithm: "md5"}}}); err == nil || errors.Is(err, ErrDigest) {
		t.Error(err)
	}
}

func TestTypes(t *testing.T) {
	path := compiled(t, "testdata/functions.c", "testdata/twin.c", "-gbtf")
	f := opened(t, &policy.Program{Path: path})
	root, name := filepath.Split(path)
	for _, p := range []*policy.Program{{}, {BTFPath: name}} {
		spec, err := f.Types(root, p)
		if err != nil {
			t.Error(err)
			continue
		}
		if number, err := layout.TypeFor(mustType(t, spec, "int")); err != nil || number.Name != "int32" {
			t.Errorf("%v, %v", number, err)
		}
	}
	if _, err := f.Types(root, &policy.Program{BTFPath: "../nothing"}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := opened(t, &policy.Program{Path: "/bin/bash"}).Types("", &policy.Program{}); !errors.Is(err, btf.ErrNotFound) {
		t.Error(err)
	}
}

func mustType(t *testing.T, spec *btf.Spec, name string) btf.Type {
	t.Helper()
	found, err := spec.AnyTypeByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestOtherProcessors: USDTs of a processor that we do not know are refused.
func TestOtherProcessors(t *testing.T) {
	path := compiled(t, "testdata/usdt.c")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[18] = byte(elf.EM_RISCV)
	if err := os.WriteFile(path, content, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := opened(t, &policy.Program{Path: path}).Probes("test", "twice"); err == nil || !strings.Contains(err.Error(), "amd64 and arm64") {
		t.Error(err)
	}
}
