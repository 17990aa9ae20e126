// SPDX-License-Identifier: Apache-2.0

package sigma

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Bounds of a directory of rules: how deep, how many entries. The whole public collection has some 5,000 files, 6 deep.
const (
	deepestDirectory = 32
	mostEntries      = 200_000
)

// extensions of rule files.
var extensions = []string{".yml", ".yaml"}

// find lists rule files: those that are named, and those in and below directories that are, in the order of their names. Symbolic links
// are followed, each file and directory once.
func find(ctx context.Context, names []string) ([]string, error) {
	w := walk{ctx: ctx, seen: map[string]bool{}}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("sigma rules: %w", err)
		}
		if info.IsDir() {
			err = w.directory(name, 0)
		} else {
			err = w.file(name)
		}
		if err != nil {
			return nil, fmt.Errorf("sigma rules: %w", err)
		}
	}
	return w.files, nil
}

type walk struct {
	ctx     context.Context //nolint:containedctx // lives as long as the one call of find
	entries int
	// seen are files and directories by their path without symbolic links.
	seen  map[string]bool
	files []string
}

func (w *walk) directory(name string, depth int) error {
	if depth > deepestDirectory {
		return fmt.Errorf("%s: directories are nested more than %d deep", name, deepestDirectory)
	}
	if again, err := w.again(name); again || err != nil {
		return err
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := w.entry(filepath.Join(name, entry.Name()), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(path string, depth int) error {
	if w.entries++; w.entries > mostEntries {
		return fmt.Errorf("%s: more than %d files and directories", path, mostEntries)
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	rule := slices.Contains(extensions, filepath.Ext(path))
	if info, err := os.Stat(path); err == nil {
		switch {
		case info.IsDir():
			return w.directory(path, depth+1)
		case rule:
			return w.file(path)
		}
	} else if rule {
		w.files = append(w.files, path) // a link that leads nowhere: reading it says so
	}
	return nil
}

// file adds one that was not there before.
func (w *walk) file(path string) error {
	again, err := w.again(path)
	if !again && err == nil {
		w.files = append(w.files, path)
	}
	return err
}

// again says whether what the path leads to was there before.
func (w *walk) again(path string) (bool, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return false, err
	}
	if w.seen[real] {
		return true, nil
	}
	w.seen[real] = true
	return false, nil
}
