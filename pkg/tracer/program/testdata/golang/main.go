// SPDX-License-Identifier: Apache-2.0

// For every line on standard input target is called once.
package main

import (
	"bufio"
	"fmt"
	"os"
)

//go:noinline
func target(n int) int { return n * 3 }

type receiver struct{ n int }

//go:noinline
func (r *receiver) method() int { return r.n + 1 }

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(target(len(lines.Text())) + (&receiver{1}).method())
	}
}
