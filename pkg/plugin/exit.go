// SPDX-License-Identifier: Apache-2.0

package plugin

import "fmt"

// Exit codes of the plugin. A command that local mode ran ends the plugin with its own.
const (
	exitOK    = 0
	exitError = 1
	// exitIncomplete: --strict, and a node, a hook or events are missing.
	exitIncomplete = 3
)

// exitCode ends the plugin with a code other than 1; what there is to say was said already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
