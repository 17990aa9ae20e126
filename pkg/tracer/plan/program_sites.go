// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

import (
	"errors"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// programSites are the places in a program's file.
func (n *Node) programSites(h *policy.Hook) ([]route, []Refusal) {
	return nil, []Refusal{{h.Kind.String(), errors.New("not yet")}}
}
