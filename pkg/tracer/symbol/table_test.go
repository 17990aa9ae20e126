// SPDX-License-Identifier: Apache-2.0

//go:build linux

package symbol

import (
	"fmt"
	"slices"
	"testing"
)

func TestTable(t *testing.T) {
	var functions table
	functions.add([]byte("third"), 0x300, unknownSize)
	functions.add([]byte("first"), 0x100, 0x80)
	functions.add([]byte("alias"), 0x100, 0x80)
	functions.add([]byte("outer"), 0x200, 0x100)
	functions.add([]byte("part"), 0x210, 0x10)
	functions.sort()
	for address, want := range map[uint64]string{
		0: "-", 0xff: "-", 0x100: "first+0", 0x17f: "first+127", 0x180: "-", 0x200: "outer+0", 0x215: "part+5", 0x220: "outer+32", 0x2ff: "outer+255",
		0x300: "third+0", 0x999: "third+1689",
	} {
		name, offset, ok := functions.find(address)
		got := fmt.Sprintf("%s+%d", name, offset)
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("%#x: %s, want %s", address, got, want)
		}
	}
	functions.add(make([]byte, 1<<16), 0x1000, 1)
	if len(functions.functions) != 4 {
		t.Errorf("%d functions", len(functions.functions))
	}
}

func TestCache(t *testing.T) {
	c := newCache(3, 1000)
	of := func(bytes int) *functions { return &functions{table: table{names: make([]byte, bytes)}} }
	key := func(n int) fileKey { return fileKey{inode: uint64(n)} }
	has := func() (all string) {
		for n := range 10 {
			if _, ok := c.byKey[key(n)]; ok {
				all += fmt.Sprint(n)
			}
		}
		return all
	}
	for n := range 4 {
		c.put(key(n), of(100))
	}
	if got := has(); got != "123" {
		t.Errorf("by number: %s", got)
	}
	if _, ok := c.get(key(1)); !ok {
		t.Error("1 is gone")
	}
	c.put(key(4), of(100))
	if got := has(); got != "134" {
		t.Errorf("by use: %s", got)
	}
	c.put(key(5), of(850))
	if got := has(); got != "45" {
		t.Errorf("by bytes: %s", got)
	}
	// The newest stays, whatever it takes.
	c.put(key(6), of(5000))
	if got := has(); got != "6" || c.bytes != 5000 {
		t.Errorf("%s, %d bytes", got, c.bytes)
	}
	c.put(key(7), of(10))
	if got := has(); got != "7" || c.bytes != 10 || c.recent.Len() != 1 {
		t.Errorf("%s, %d bytes", got, c.bytes)
	}
}

func TestPlaces(t *testing.T) {
	var all table
	for _, f := range []struct {
		name    string
		address uint64
	}{{"a", 0x1000}, {"b", 0x1040}, {"a", 0x2000}, {"last", 0x9000}} {
		all.add([]byte(f.name), f.address, unknownSize)
	}
	all.sort()
	want := []Place{{0x1000, 0x40}, {0x2000, 0x7000}, {0x9000, longestKernelFunction}}
	if got := all.places([]string{"last", "a", "none", "aa", ""}); !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}
