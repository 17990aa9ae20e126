// SPDX-License-Identifier: Apache-2.0

// Package kubectl runs kubectl for measurements.
package kubectl

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Run runs kubectl with an input, and returns its output.
func Run(ctx context.Context, input string, arg ...string) (string, error) {
	command := exec.CommandContext(ctx, "kubectl", arg...)
	command.Stdin = strings.NewReader(input)
	out, err := command.Output()
	if err != nil {
		said := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			said = "\n" + string(exit.Stderr)
		}
		return "", fmt.Errorf("kubectl %s: %w%s", strings.Join(arg, " "), err, said)
	}
	return string(out), nil
}
