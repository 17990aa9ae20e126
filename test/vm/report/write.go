// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// consoleTail is how many lines of a console are shown of a guest that did not come to its end.
const consoleTail = 80

// write prints the table and what failed, and whether all is well.
func write(w io.Writer, guests []*guest) bool {
	table(w, guests)
	all := true
	for _, g := range guests {
		failures(w, g)
		all = all && g.well()
	}
	fmt.Fprintln(w)
	for _, g := range guests {
		fmt.Fprintln(w, summary(g))
	}
	return all && len(guests) > 0
}

// table has a row for every test, and for every subtest that is not well somewhere.
func table(w io.Writer, guests []*guest) {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer columns.Flush()
	fmt.Fprint(columns, "TEST")
	for _, g := range guests {
		fmt.Fprintf(columns, "\t%s", strings.ToUpper(g.kernel))
	}
	fmt.Fprintln(columns)
	for _, key := range rows(guests) {
		name := key.pkg
		if key.name != "" {
			name = strings.Repeat("  ", 1+strings.Count(key.name, "/")) + key.name
		}
		fmt.Fprint(columns, name)
		for _, g := range guests {
			fmt.Fprintf(columns, "\t%s", cell(g.results[key]))
		}
		fmt.Fprintln(columns)
	}
}

func cell(r *result) string {
	if r == nil {
		return "-"
	}
	if r.status == unfinished {
		return string(r.status)
	}
	return fmt.Sprintf("%s %.1fs", r.status, r.seconds)
}

// rows are the tests in the order in which the packages have them.
func rows(guests []*guest) (keys []test) {
	for _, g := range guests {
		for _, key := range g.order {
			if slices.Contains(keys, key) || strings.Contains(key.name, "/") && !badSomewhere(guests, key) {
				continue
			}
			keys = slices.Insert(keys, position(keys, key), key)
		}
	}
	return keys
}

// position is after the last row of the same package and, for a subtest, of the same test.
func position(keys []test, key test) int {
	top, _, sub := strings.Cut(key.name, "/")
	at := len(keys)
	for i, k := range keys {
		other, _, _ := strings.Cut(k.name, "/")
		if k.pkg == key.pkg && (!sub || other == top) {
			at = i + 1
		}
	}
	return at
}

func badSomewhere(guests []*guest, key test) bool {
	return slices.ContainsFunc(guests, func(g *guest) bool { r := g.results[key]; return r != nil && r.status != passed })
}

// failures prints what the tests that are not well said, and what became of a guest that is not.
func failures(w io.Writer, g *guest) {
	for _, key := range g.order {
		r := g.results[key]
		if r.status != failed && r.status != unfinished || quiet(r) {
			continue
		}
		fmt.Fprintf(w, "\n== kernel %s: %s %s: %s\n", g.kernel, r.status, key.pkg, key.name)
		fmt.Fprint(w, indented(r.output.String()))
	}
	if len(g.notices) > 0 {
		fmt.Fprintf(w, "\n== kernel %s: the kernel says\n%s", g.kernel, indented(strings.Join(g.notices, "\n")))
	}
	if g.well() {
		return
	}
	if g.stderr != "" {
		fmt.Fprintf(w, "\n== kernel %s: standard error\n%s", g.kernel, indented(g.stderr))
	}
	if g.code == "" || g.release == "" {
		tail := g.console[max(0, len(g.console)-consoleTail):]
		fmt.Fprintf(w, "\n== kernel %s: the console's end\n%s", g.kernel, indented(strings.Join(tail, "\n")))
	}
}

// quiet: nothing but the lines that say that it failed, as a test has whose subtests failed.
func quiet(r *result) bool {
	for line := range strings.Lines(r.output.String()) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- FAIL") && line != "FAIL" && !strings.HasPrefix(line, "exit status") {
			return false
		}
	}
	return r.status == failed
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// summary is one line about a guest.
func summary(g *guest) string {
	verdict := "ok"
	switch {
	case g.code == "" && g.problem != "":
		verdict = "FAIL: " + g.problem
	case g.code == "":
		verdict = "FAIL: the guest ended before its tests did"
	case g.code != "0":
		verdict = "FAIL: a package's tests could not be run, exit code " + g.code
	case g.count() == 0:
		verdict = "FAIL: no test ran"
	case g.defective() && g.count(failed, unfinished) == 0:
		verdict = "FAIL: the kernel reports a defect"
	case !g.well():
		verdict = "FAIL"
	}
	release := g.release
	if release == "" {
		release = "did not come up"
	}
	return fmt.Sprintf("kernel %s (%s): %d tests, %d ok, %d failed, %d without an end, %d skipped; up after %.1f s, %.0f s in all: %s",
		g.kernel, release, g.count(), g.count(passed), g.count(failed), g.count(unfinished), g.count(skipped), g.boot.Seconds(), g.took.Seconds(), verdict)
}
