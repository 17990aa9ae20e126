// SPDX-License-Identifier: Apache-2.0

package sigma

// Alert is what is told of a rule that an event matched. The licence of the public rules (DRL 1.1) requires that Author is shown with
// it.
type Alert struct {
	ID         string   `json:"id,omitempty"`
	Title      string   `json:"title"`
	Level      Level    `json:"level,omitempty"`
	Status     Status   `json:"status,omitempty"`
	Author     string   `json:"author,omitempty"`
	References []string `json:"references,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	// File that the rule was read from.
	File string `json:"file"`
	// Truncated: a part of a value was missing that could have made the rule not match.
	Truncated bool `json:"truncated,omitempty"`
	// Claimed: the match depends on a name that the process chose itself.
	Claimed bool `json:"claimed,omitempty"`
}

// Alert of the match. References and Tags are the rule's own: they must not be changed.
func (m Match) Alert() Alert {
	r := m.Rule
	return Alert{r.ID, r.Title, r.Level, r.Status, r.Author, r.References, r.Tags, r.File, m.Truncated, m.Claimed}
}
