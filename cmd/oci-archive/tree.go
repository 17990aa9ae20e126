// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An entry is one file, directory or symbolic link of the image. Hard links become files of their own.
type entry struct {
	mode fs.FileMode
	host string // where a regular file's content is
	link string // where a symbolic link points
}

// A tree is the content of an image by path, without the leading slash.
type tree map[string]entry

func newTree() tree { return tree{} }

// addDir adds everything below a directory, with its permissions; links stay links, dangling or not.
func (t tree) addDir(root string) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil || rel == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := entry{mode: info.Mode(), host: p}
		switch {
		case e.mode.IsDir(), e.mode.IsRegular():
		case e.mode&fs.ModeSymlink != 0:
			if e.link, err = os.Readlink(p); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: only files, directories and symbolic links can be in an image, not %v", p, e.mode.Type())
		}
		t[filepath.ToSlash(rel)] = e
		return nil
	})
}

// A file is one -file argument.
type file struct {
	host, path string
	mode       fs.FileMode // 0: 0755 for an executable, 0644 otherwise, whatever the umask was
}

func parseFile(spec string) (file, error) {
	host, p, ok := strings.Cut(spec, "=")
	if !ok || host == "" || !strings.HasPrefix(p, "/") {
		return file{}, fmt.Errorf("-file %q: want HOST=/path/in/image[:mode]", spec)
	}
	f := file{host: host, path: p}
	if i := strings.LastIndexByte(p, ':'); i >= 0 {
		mode, err := strconv.ParseUint(p[i+1:], 8, 9)
		if err != nil || mode == 0 {
			return file{}, fmt.Errorf("-file %q: want octal permissions after the colon, e.g. 0755", spec)
		}
		f.path, f.mode = p[:i], fs.FileMode(mode)
	}
	f.path = strings.TrimPrefix(path.Clean(f.path), "/")
	if f.path == "" {
		return file{}, fmt.Errorf("-file %q: the image's root is no file", spec)
	}
	return f, nil
}

// addFile adds one regular file (a link is followed) and the directories above it.
func (t tree) addFile(f file) error {
	info, err := os.Stat(f.host)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", f.host)
	}
	if old, ok := t[f.path]; ok && old.mode.IsDir() {
		return fmt.Errorf("/%s is a directory in the image", f.path)
	}
	for dir := path.Dir(f.path); dir != "."; dir = path.Dir(dir) {
		if old, ok := t[dir]; !ok {
			t[dir] = entry{mode: fs.ModeDir | 0o755}
		} else if !old.mode.IsDir() {
			// Unpackers differ in whether they follow a link above a file, so don't leave it to them.
			return fmt.Errorf("/%s: /%s is not a directory in the image", f.path, dir)
		}
	}
	if f.mode == 0 {
		f.mode = 0o644
		if info.Mode()&0o100 != 0 {
			f.mode = 0o755
		}
	}
	t[f.path] = entry{mode: f.mode, host: f.host}
	return nil
}

// layer is the tree as an uncompressed tar.
func (t tree) layer() ([]byte, error) {
	paths := make([]string, 0, len(t))
	for p := range t {
		paths = append(paths, p)
	}
	slices.Sort(paths) // a directory sorts before what is in it
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, p := range paths {
		if err := t[p].writeTo(w, p); err != nil {
			return nil, fmt.Errorf("/%s: %w", p, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func (e entry) writeTo(w *tar.Writer, p string) error {
	// No times, owner 0:0 and no names: nothing but path, permissions and content of what is on this machine.
	h := &tar.Header{Name: p, Mode: int64(e.mode.Perm()) | special(e.mode)}
	var content []byte
	switch {
	case e.mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, p+"/"
	case e.mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, e.link, 0o777
	default:
		var err error
		if content, err = os.ReadFile(e.host); err != nil {
			return err
		}
		h.Typeflag, h.Size = tar.TypeReg, int64(len(content))
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// special translates the bits above the permissions, which package fs keeps elsewhere than Unix does.
func special(m fs.FileMode) (bits int64) {
	for _, b := range []struct {
		mode fs.FileMode
		unix int64
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&b.mode != 0 {
			bits |= b.unix
		}
	}
	return bits
}
