// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"
)

// helpLines fit on a screen of a usual size.
const helpLines = 58

// TestEveryHelp: three examples, each with what it is for, and no more than a screen.
func TestEveryHelp(t *testing.T) {
	for _, command := range []string{"exec", "run", "file", "net", "creds", "caps", "hook", "detect", "enforce", "cleanup", "policy", "policy lint", "policy explain",
		"record", "replay", "verify", "sessions", "attach", "stop", "filters", "tracers", "options", "version", "completion"} {
		code, out, errOut := runPlugin(t, built, append(strings.Fields(command), "--help")...)
		if code != 0 || errOut != "" {
			t.Errorf("%s: exit code %d, %s", command, code, errOut)
		}
		if n := strings.Count(out, "\n"); n > helpLines {
			t.Errorf("%s: %d lines, %d at most", command, n, helpLines)
		}
		_, rest, _ := strings.Cut(out, "\nExamples:\n")
		examples, _, _ := strings.Cut(rest, "\n\n")
		uses, remarks := 0, 0
		for line := range strings.Lines(examples) {
			switch {
			case strings.HasPrefix(line, "  # "):
				remarks++
			case strings.Contains(line, "trace-sec") || strings.Contains(line, "trace_sec"):
				uses++
			}
		}
		if uses != 3 || remarks != 3 {
			t.Errorf("%s: %d examples with %d remarks, want three", command, uses, remarks)
		}
	}
}
