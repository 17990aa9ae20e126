// SPDX-License-Identifier: Apache-2.0

// Package exit has the plugin's exit codes.
package exit

import "fmt"

// Exit codes of the plugin. A command that local mode ran ends the plugin with its own.
const (
	OK    = 0
	Error = 1
	// Incomplete: --strict, and a node, a hook or events are missing.
	Incomplete = 3
)

// Code is an error that ends the plugin with a code; what there is to say was said already.
type Code int

func (c Code) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
