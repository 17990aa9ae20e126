// SPDX-License-Identifier: Apache-2.0

package rulefile

import (
	"fmt"
	"io"
	"strings"
)

// dashes stand around a snippet.
const dashes = "------"

// Report writes all problems as Falco's --validate does, one block for each file.
func (p Problems) Report(w io.Writer, files []string) {
	for _, file := range files {
		var own Problems
		for _, problem := range p {
			if problem.File == file {
				own = append(own, problem)
			}
		}
		errors, warnings := own.Errors(), own.Warnings()
		verdict := "Ok"
		switch {
		case len(errors) > 0:
			verdict = "Invalid"
		case len(warnings) > 0:
			verdict = "Ok, with warnings"
		}
		fmt.Fprintf(w, "%s: %s\n", file, verdict)
		errors.block(w, "Errors")
		warnings.block(w, "Warnings")
	}
}

func (p Problems) block(w io.Writer, title string) {
	if len(p) == 0 {
		return
	}
	fmt.Fprintf(w, "%d %s:\n", len(p), title)
	for _, problem := range p {
		fmt.Fprintf(w, "In rules content: (%s)\n", Place{File: problem.File})
		if problem.Item != "" {
			fmt.Fprintf(w, "    %s '%s': (%s)\n", problem.Item, problem.Name, problem.Place)
		} else {
			fmt.Fprintf(w, "    (%s)\n", problem.Place)
		}
		if problem.Snippet != "" {
			fmt.Fprintf(w, "%s\n%s\n%s^\n%s\n", dashes, problem.Snippet, strings.Repeat(" ", problem.Caret), dashes)
		}
		fmt.Fprintf(w, "%s: %s\n", problem.Code, problem.Message)
	}
}
