// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/program"
)

// programFile is a program's file with the root directory below which it was found.
type programFile struct {
	*program.File
	root string
}

var errNoContainers = errors.New("resolvePathInContainer: no container of the targets runs here in which it could be looked up")

// programFiles are the files that a program's path leads to: one, or those of the targets' containers. Containers of one image
// share a file, and what is put on it is met by all of them: those that are started later, too.
// notes are why one of them is not used.
func (n *Node) programFiles(p *policy.Program) (found []programFile, notes []string, err error) {
	if !p.InContainer {
		file, err := n.openProgram(n.Root, p)
		return []programFile{file}, nil, err
	}
	if n.Containers == nil {
		return nil, nil, errNoContainers
	}
	roots, err := n.Containers()
	if err != nil {
		return nil, nil, fmt.Errorf("the containers of the targets: %w", err)
	}
	if len(roots) == 0 {
		return nil, nil, errNoContainers
	}
	known := map[program.Identity]bool{}
	var missing error
	for _, root := range roots {
		file, err := n.openProgram(root, p)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a sidecar's image, or the one that only holds the pod's namespaces
			missing = err
		case err != nil:
			notes = append(notes, fmt.Sprintf("in the container of %s: %v", root, err))
		case !known[file.Identity()]:
			known[file.Identity()] = true
			found = append(found, file)
		}
	}
	switch {
	case len(found) > 0:
		return found, notes, nil
	case len(notes) > 0:
		return nil, nil, errors.New(strings.Join(notes, "; "))
	}
	return nil, nil, fmt.Errorf("none of the %d containers of the targets has it: %w", len(roots), missing)
}

// openProgram opens a program for as long as the node.
func (n *Node) openProgram(root string, p *policy.Program) (programFile, error) {
	file, err := program.Open(root, p)
	if err != nil {
		return programFile{}, err
	}
	n.files = append(n.files, file)
	return programFile{file, root}, nil
}
