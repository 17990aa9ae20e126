// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"fmt"
	"io/fs"
	"strings"
)

// functionList has a function in each line, those of modules with the module's name in brackets.
const functionList = "available_filter_functions"

// Functions lists the kernel functions that can be traced, each once. Tracefs has to be readable; the error says how to mount
// it.
func Functions() ([]string, error) {
	t, err := Open()
	if err != nil {
		return nil, err
	}
	defer t.Close()
	text, err := fs.ReadFile(t.files, functionList)
	if err != nil {
		return nil, fmt.Errorf("the functions of the kernel that can be traced: %w", err)
	}
	var names []string
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, nil
}
