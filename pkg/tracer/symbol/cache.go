// SPDX-License-Identifier: Apache-2.0

//go:build linux

package symbol

import (
	"container/list"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fileKey tells files apart, and a file from what it was before somebody wrote to it.
type fileKey struct {
	device, inode uint64
	size          int64
	changed       unix.Timespec
}

func keyOf(file *os.File) (fileKey, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return fileKey{}, fmt.Errorf("%s: %w", file.Name(), err)
	}
	return fileKey{stat.Dev, stat.Ino, stat.Size, stat.Ctim}, nil
}

// cache keeps the functions of files that were used last.
type cache struct {
	bytes                int
	mostFiles, mostBytes int
	recent               *list.List
	byKey                map[fileKey]*list.Element
}

type cached struct {
	key       fileKey
	functions *functions
}

func newCache(mostFiles, mostBytes int) cache {
	return cache{mostFiles: mostFiles, mostBytes: mostBytes, recent: list.New(), byKey: map[fileKey]*list.Element{}}
}

func (c *cache) get(key fileKey) (*functions, bool) {
	element, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	c.recent.MoveToFront(element)
	return element.Value.(*cached).functions, true
}

// put keeps a file's functions, and forgets those that were not used for the longest time, but never the newest.
func (c *cache) put(key fileKey, f *functions) {
	c.byKey[key] = c.recent.PushFront(&cached{key, f})
	c.bytes += f.bytes()
	for c.recent.Len() > 1 && (c.recent.Len() > c.mostFiles || c.bytes > c.mostBytes) {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.byKey, oldest.key)
		c.bytes -= oldest.functions.bytes()
	}
}
