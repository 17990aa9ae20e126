// SPDX-License-Identifier: Apache-2.0

// Report prints what the tests of a kernel matrix did, and ends with 1 unless all of it is well.
//
//	report KERNEL=FOLDER...
//
// A folder is what test/vm/lib/tests.sh leaves of a guest: stdout, the output of test2json; stderr; console; code, which is 0
// if all packages' tests could be run, and missing when the guest did not come to its end; problem, why it did not; seconds, how
// long the guest took in all.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	var guests []*guest
	for _, argument := range os.Args[1:] {
		kernel, folder, found := strings.Cut(argument, "=")
		if !found {
			fmt.Fprintf(os.Stderr, "report: %q is not KERNEL=FOLDER\n", argument)
			os.Exit(2)
		}
		g, err := readGuest(kernel, folder)
		if err != nil {
			fmt.Fprintln(os.Stderr, "report:", err)
			os.Exit(1)
		}
		guests = append(guests, g)
	}
	if !write(os.Stdout, guests) {
		os.Exit(1)
	}
}
