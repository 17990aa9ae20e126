// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// TestReport: each folder of testdata is what a guest left.
func TestReport(t *testing.T) {
	for name, test := range map[string]struct {
		guests []string
		well   bool
	}{
		"well":             {[]string{"well"}, true},
		"a test fails":     {[]string{"well", "fails"}, false},
		"the guest panics": {[]string{"crashed", "well"}, false},
		"a test hangs":     {[]string{"hung"}, false},
		"no such program":  {[]string{"unable"}, false},
		"no test ran":      {[]string{"well", "empty"}, false},
		"no guest":         {nil, false},
		"a warning":        {[]string{"complains", "well"}, false},
		"a segfault":       {[]string{"provoked"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var guests []*guest
			for _, folder := range test.guests {
				g, err := readGuest(folder, filepath.Join("testdata", folder))
				if err != nil {
					t.Fatal(err)
				}
				guests = append(guests, g)
			}
			var out bytes.Buffer
			if got := write(&out, guests); got != test.well {
				t.Errorf("well: %v", got)
			}
			golden.Check(t, filepath.Join("testdata", name+".golden"), out.Bytes())
		})
	}
}

func TestNothingThere(t *testing.T) {
	if _, err := readGuest("6.1", t.TempDir()); err == nil {
		t.Error("an empty folder is a guest")
	}
}
