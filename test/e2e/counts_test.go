// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/sessionlog"
)

func itoa(n int) string { return strconv.Itoa(n) }

// counts are what became of the events, as the summary in a session log says; lost are those that were throttled too.
func (s *scene) counts(log string) (shown, filtered, lost uint64) {
	s.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var record struct {
			Type sessionlog.Type
			Body json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			s.Fatal(err)
		}
		if record.Type != sessionlog.TypeSummary {
			continue
		}
		var summary sessionlog.Summary
		if err := json.Unmarshal(record.Body, &summary); err != nil {
			s.Fatal(err)
		}
		for _, n := range summary.Nodes {
			shown, filtered = shown+n.Shown, filtered+n.Filtered
			lost += n.Throttled
			for _, count := range n.Lost {
				lost += count
			}
		}
	}
	return shown, filtered, lost
}
