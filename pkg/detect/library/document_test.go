// SPDX-License-Identifier: Apache-2.0

package library

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/rules"
)

// page is docs/rules.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// groups of the catalogue of behaviours, and how many there are in each.
var catalogue = map[string]int{"E": 26, "K": 5, "M": 6, "N": 12, "P": 22, "R": 13, "W": 19}

// Each behaviour of the catalogue has a rule, or stands in the document with the reason why there is none, and not both.
func TestEachBehaviourIsAccountedFor(t *testing.T) {
	all, err := ReadAll(rules.Files)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]\d\d) \| [^|]+ \| [^|]{10,} \|$`).FindAllStringSubmatch(page(t), -1) {
		reasons[row[1]] = true
	}
	left := len(reasons) + len(all)
	for group, count := range catalogue {
		for n := range count {
			id := fmt.Sprintf("%s%02d", group, n+1)
			rule := slices.ContainsFunc(all, func(r *Rule) bool { return r.ID == id })
			if rule == reasons[id] {
				t.Errorf("%s: a rule: %t, a reason why there is none: %t", id, rule, reasons[id])
			}
			left--
		}
	}
	if left != 0 {
		t.Errorf("%d rules or reasons are of no behaviour", left)
	}
}

// What can be observed, and the lists of names, stand in the document as they are.
func TestDocumentHasTheTables(t *testing.T) {
	text := page(t)
	for _, k := range kinds {
		row := fmt.Sprintf("| `%s` | %s | %s |\n", k.name, strings.Join(k.filterKeys(), ", "), k.about)
		if !strings.Contains(text, row) {
			t.Errorf("docs/rules.md lacks %s", row)
		}
	}
	for _, l := range lists {
		if entry := fmt.Sprintf("`%s` (%s)", l.name, l.about); !strings.Contains(text, entry) {
			t.Errorf("docs/rules.md lacks %s", entry)
		}
	}
	for _, name := range slices.Concat(fieldNames(), variableNames()) {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/rules.md lacks `%s`", name)
		}
	}
}

var update = flag.Bool("update", false, "write docs/detections.md anew")

// docs/detections.md is the table of all rules.
func TestTableOfDetections(t *testing.T) {
	var b strings.Builder
	b.WriteString(detectionsHead)
	for _, r := range builtin(t) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, r.Severity, strings.Join(r.Techniques, ", "), r.Title, strings.Join(r.Kinds(), ", "))
	}
	name := filepath.Join("..", "..", "..", "docs", "detections.md")
	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil || string(have) != b.String() {
		t.Errorf("docs/detections.md is not the table of the rules (go test -update writes it anew): %v", err)
	}
}

const detectionsHead = `# detections: what the library finds

The rules of ` + "`rules/`" + `, from which this table is made. What each is about, who does it rightly and what to do then, ` + "`--explain`" + ` says;
[rules.md](rules.md) has the behaviours without a rule, and why.

` + "```console" + `
$ kubectl-trace_sec detect --explain R01
R01 File of passwords or of rules for becoming another user read
medium; T1003.008; credentials
…
` + "```" + `

| id | severity | techniques | behaviour | needs |
|---|---|---|---|---|
`
