// SPDX-License-Identifier: Apache-2.0

package symbol

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func noReport(t *testing.T) func(error) {
	return func(err error) { t.Error(err) }
}

// TestKernelFunctions looks up every function of the running kernel, at its start and in it.
func TestKernelFunctions(t *testing.T) {
	file, err := os.Open(kallsyms)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	names := map[uint64][]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if !strings.Contains("tTwW", words[1]) || len(words) > 3 {
			continue
		}
		address, err := strconv.ParseUint(words[0], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		names[address] = append(names[address], words[2])
	}
	k := NewKernel(noReport(t))
	for address, names := range names {
		// As the innermost frame, and as the address that a call returns to.
		stack := k.Stack([]uint64{address, address + 1})
		for i, frame := range stack {
			found := false
			for _, name := range names {
				found = found || name == frame.Symbol
			}
			if !found || frame.Offset != uint64(i) || frame.Address != address+uint64(i) {
				t.Fatalf("%v at %#x: %+v", names, address, frame)
			}
		}
	}
	if len(names) < 10000 {
		t.Errorf("%d functions", len(names))
	}
	for _, address := range []uint64{0, 1, 0x400000, ^uint64(0)} {
		if frame := k.Stack([]uint64{address, address}); frame[0].Symbol != "" || frame[1].Symbol != "" || frame[0].Address != address {
			t.Errorf("%+v", frame)
		}
	}
}

func kallsymsFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kallsyms")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHidden: why there are no names is told once.
func TestHidden(t *testing.T) {
	var told []error
	k := NewKernel(func(err error) { told = append(told, err) })
	k.path = kallsymsFile(t, "0000000000000000 T _stext", "0000000000000000 t do_one_initcall")
	now := time.Now()
	k.now = func() time.Time { return now }
	for range 3 {
		if frame := k.Stack([]uint64{0xffffffff81000010})[0]; frame.Symbol != "" || frame.Address != 0xffffffff81000010 {
			t.Errorf("%+v", frame)
		}
		now = now.Add(2 * rereadAfter)
	}
	if len(told) != 1 || !errors.Is(told[0], ErrHidden) {
		t.Errorf("told %v", told)
	}
	// What is hidden is not asked for again and again.
	k.path = kallsymsFile(t, "ffffffff81000000 T _stext")
	if frame := k.Stack([]uint64{0xffffffff81000010})[0]; frame.Symbol != "" {
		t.Errorf("%+v", frame)
	}
	told = nil
	for path, want := range map[string]error{"/no/such/file": fs.ErrNotExist, kallsymsFile(t, "nothing"): nil} {
		k = NewKernel(func(err error) { told = append(told, err) })
		k.path = path
		k.Stack([]uint64{1, 2, 3})
		if len(told) != 1 || want != nil && !errors.Is(told[0], want) {
			t.Errorf("%s: told %v", path, told)
		}
		told = nil
	}
}

// TestModules: what is far behind a function is not of it; a module that was loaded meanwhile is found, after a while.
func TestModules(t *testing.T) {
	k := NewKernel(noReport(t))
	now := time.Now()
	k.now = func() time.Time { return now }
	before := []string{"ffffffff81000000 T first", "ffffffff81000100 d data", "ffffffff81000200 T second", "ffffffffc0000000 t of_module\t[module]"}
	k.path = kallsymsFile(t, before...)
	late := uint64(0xffffffffc0100010)
	look := func(address uint64) string {
		frame := k.Stack([]uint64{address})[0]
		return fmt.Sprintf("%s+%d", frame.Symbol, frame.Offset)
	}
	for address, want := range map[uint64]string{
		0xffffffff80ffffff: "+0", 0xffffffff81000150: "first+336", 0xffffffff81000200: "second+0", 0xffffffffc0000001: "of_module+1", late: "+0",
	} {
		if got := look(address); got != want {
			t.Errorf("%#x: %s, want %s", address, got, want)
		}
	}
	k.path = kallsymsFile(t, append(before, "ffffffffc0100000 t of_another\t[another]")...)
	if got := look(late); got != "+0" {
		t.Errorf("read again at once: %s", got)
	}
	now = now.Add(rereadAfter)
	if got := look(late); got != "of_another+16" {
		t.Errorf("not read again: %s", got)
	}
}
