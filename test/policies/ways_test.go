// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
	"golang.org/x/sys/unix"
)

var updateWays = flag.Bool("update-ways", false, "write the tables of docs/enforce.md anew")

// outcome of a way round what is armed.
type outcome string

const (
	denied outcome = "denied"
	// mayHappen: who does it dies, but what it does may happen before.
	mayHappen outcome = "killed"
	open      outcome = "not covered"
)

// attempt is a row of a table: a way round what a --deny flag arms, and the commands of provoke that go it.
type attempt struct {
	way, do string
	// full is what becomes of it on a kernel with trampolines or LSM, seen on one that has tracepoints only; why it is open is in
	// fullWhy and seenWhy.
	full, seen       outcome
	fullWhy, seenWhy string
	// needs is what not every file system or kernel has, so that the way does not exist there.
	needs string
}

// places are what the words of a way stand for: W a folder that is protected, O one that is not, N the number in the names of both.
func places(base string, n int) map[string]string {
	name := strconv.Itoa(n)
	return map[string]string{"W": filepath.Join(base, "kept", name), "O": filepath.Join(base, "other", name), "N": name}
}

// fill puts places into the words of a way, where these have them as a component.
func (w *attempt) fill(places map[string]string) string {
	words := strings.Fields(w.do)
	for i, word := range words {
		parts := strings.Split(word, "/")
		for j, part := range parts {
			place, ok := places[part]
			switch {
			case ok && j == 0:
				parts[j] = place
			case ok:
				parts[j] = strings.TrimPrefix(place, "/")
			}
		}
		words[i] = strings.Join(parts, "/")
	}
	return strings.Join(words, " ")
}

// anyStatus is how a step may end.
var anyStatus = func() (all []int) {
	for status := range 256 {
		all = append(all, status)
	}
	return all
}()

// tables of docs/enforce.md, by the word that their beginning is marked with.
var tables = map[string][]attempt{"write": waysToWrite, "exec": waysToExec, "connect": waysToConnect}

// waysTable is a table of docs/enforce.md.
func waysTable(ways []attempt) string {
	cell := func(o outcome, why string) string {
		if o == open {
			return "**not covered**: " + why
		}
		return string(o)
	}
	var table strings.Builder
	table.WriteString("| way | kernel with trampolines or BPF LSM | kernel with tracepoints only (`--kill`) |\n|---|---|---|\n")
	for _, c := range ways {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", c.way, cell(c.full, c.fullWhy), cell(c.seen, c.seenWhy))
	}
	return table.String()
}

// TestWaysAreDocumented: docs/enforce.md has the tables that are tested here; -update-ways writes them.
func TestWaysAreDocumented(t *testing.T) {
	const file = "../../docs/enforce.md"
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) && os.Getenv("TRACE_SEC_KERNEL_TIER") != "" {
		return // a guest has the tests only
	}
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for name, ways := range tables {
		text = withTable(t, text, name, waysTable(ways))
		for _, c := range ways {
			if (c.full == open) != (c.fullWhy != "") || (c.seen == open) != (c.seenWhy != "") {
				t.Errorf("%s: what is not covered has a reason, and nothing else", c.way)
			}
		}
	}
	switch {
	case *updateWays:
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	case text != string(content):
		t.Errorf("%s has other tables: run this test with -update-ways", file)
	}
}

// withTable is a text with a table in the place of the one that it has.
func withTable(t *testing.T, text, name, table string) string {
	t.Helper()
	begin, end := "<!-- ways to "+name+": test/policies -->\n", "<!-- end -->"
	before, rest, found := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("no table between %q and %q", begin, end)
	}
	return before + begin + table + end + after
}

// onOverlay is a folder on an overlay, as those of containers are.
func onOverlay(t *testing.T) string {
	t.Helper()
	base := newFolder(t, disk)
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		harness.Folder(t, filepath.Join(base, name))
	}
	merged := filepath.Join(base, "merged")
	if err := unix.Mount("overlay", merged, "overlay", 0, fmt.Sprintf("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", base, base, base)); err != nil {
		t.Fatalf("overlay: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(merged, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return merged
}

// compareWays wants of each way what its table says, where it leads to its end if nothing is denied.
func compareWays(t *testing.T, ways []attempt, full bool, free, did []outcome) {
	t.Helper()
	for n, c := range ways {
		want := c.seen
		if full {
			want = c.full
		}
		switch {
		case free[n] != open && c.needs == "":
			t.Errorf("%s: does nothing where nothing is denied", c.way)
		case free[n] == open && did[n] != want:
			t.Errorf("%s: %s, want %s", c.way, did[n], want)
		}
	}
}
