// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
)

// table is printed as columns.
type table struct{ lines [][]string }

func newTable(header ...string) *table { return &table{[][]string{header}} }

func (t *table) add(cells ...string) { t.lines = append(t.lines, cells) }

func (t *table) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	for _, line := range t.lines {
		fmt.Fprintln(w, "  "+strings.Join(line, "\t"))
	}
	w.Flush()
}
