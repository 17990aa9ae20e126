// SPDX-License-Identifier: Apache-2.0

package enforce

import (
	"errors"
	"fmt"
	"strings"
)

// gaps are what stays open on a node that is armed: a sentence each.
func (p *preview) gaps(node string) (texts []string) {
	for _, of := range p.policies {
		if !of.Acts() {
			continue
		}
		all := p.effects(of)
		for _, name := range all.names {
			e := all.effects[name][node]
			if e.missing != "" && !e.allowed {
				texts = append(texts, name+" is not enforced")
			}
			for note := range strings.Lines(e.notes) {
				texts = append(texts, name+": "+strings.TrimSuffix(note, "\n"))
			}
		}
	}
	return texts
}

// strictly adds the nodes to those that are refused on which something stays open.
func (p *preview) strictly(refused map[string]error) {
	for node := range p.nodes {
		gaps := p.gaps(node)
		if refused[node] != nil || len(gaps) == 0 {
			continue
		}
		more := ""
		if len(gaps) > 1 {
			more = fmt.Sprintf(", and %d more", len(gaps)-1)
		}
		refused[node] = errors.New("not armed, as --strict wants: " + gaps[0] + more + "; policy explain --enforce says all")
	}
}
