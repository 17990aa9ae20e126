// SPDX-License-Identifier: Apache-2.0

//go:build linux

package symbol

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// program is one with a build id, as the standard library reads it, and where that is in the file.
func program(t *testing.T) (content, id []byte, at int) {
	t.Helper()
	content, err := os.ReadFile(built(t, "-Wl,--build-id=sha1"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	section := file.Section(".note.gnu.build-id")
	if section == nil {
		t.Fatal("the program has no build id")
	}
	note, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	const header = 16 // three numbers of 4 bytes and the name GNU
	return content, note[header:], int(section.Offset) + header
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

// mapped maps a file into this process until the test ends.
func mapped(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	memory, err := unix.Mmap(int(file.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
}

func TestBuildIDs(t *testing.T) {
	content, id, at := program(t)
	other, otherID := slices.Clone(content), slices.Clone(id)
	other[at] ^= 0xff
	otherID[0] ^= 0xff
	folder := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	b, self := NewBuildIDs("/proc"), uint32(os.Getpid())
	want := func(what string, pid uint32, path string, inode uint64, want []byte) {
		t.Helper()
		for range 2 { // the second time from memory
			if got := b.Of(pid, path, inode); !bytes.Equal(got, want) {
				t.Errorf("%s: %s, want %s", what, hex.EncodeToString(got), hex.EncodeToString(want))
			}
		}
	}

	library := file("library", content)
	number := inode(t, library)
	want("not mapped yet", self, library, number, id)
	want("another inode", self, library, number+1, nil)
	mapped(t, library)
	want("mapped", self, library, number, id)
	want("with another path", self, "/nowhere", number, id)
	if err := os.Rename(file("new", other), library); err != nil {
		t.Fatal(err)
	}
	want("gone, and another has its name", self, library, number, id)
	want("the other", self, library, inode(t, library), otherID)
	// The same file with another content: in place, as cp writes it.
	file("library", content)
	want("rewritten", self, library, inode(t, library), id)

	text := file("text", []byte("no program"))
	want("no program", self, text, inode(t, text), nil)
	for name, change := range map[string]func(note []byte){
		"no note of this type": func(note []byte) { note[8] = 9 }, "a longer note": func(note []byte) { note[6] = 1 },
		"an empty one": func(note []byte) { note[4] = 0 },
	} {
		changed := slices.Clone(content)
		change(changed[at-16:])
		path := file(name, changed)
		want(name, self, path, inode(t, path), nil)
	}
	pipe := filepath.Join(folder, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	want("a pipe", self, pipe, inode(t, pipe), nil)
	want("no process", 1<<31-1, library, inode(t, library), nil)
	for range mostStuck {
		b.reading <- struct{}{}
	}
	want("too many wait", self, library, inode(t, library), nil)
}

func TestBuildIDsAreForgotten(t *testing.T) {
	b := NewBuildIDs("/proc")
	for i := range uint64(mostBuildIDs + 1) {
		for range 2 {
			b.put(fileKey{inode: i}, nil)
		}
	}
	if _, oldest := b.get(fileKey{}); oldest || len(b.known) != mostBuildIDs || len(b.order) != mostBuildIDs {
		t.Errorf("%d are known, %d in order, the oldest: %t", len(b.known), len(b.order), oldest)
	}
}
