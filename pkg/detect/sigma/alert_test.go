// SPDX-License-Identifier: Apache-2.0

package sigma_test

import (
	"reflect"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma"
)

const nohup = `title: Nohup Execution
id: e4ffe466-6ff8-48d4-94bd-e32d1a6061e2
status: test
author: 'Christopher Peacock @SecurePeacock, SCYTHE @scythe_io'
references: [https://gtfobins.github.io/gtfobins/nohup/]
tags:
    - attack.execution
    - attack.t1059.004
logsource: {product: linux, category: process_creation}
detection:
    selection:
        Image|endswith: '/nohup'
    condition: selection
level: medium
`

func TestAlertCarriesTheRule(t *testing.T) {
	rules, refusals := sigma.Parse("rules/nohup.yml", []byte(nohup))
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	e := sigma.NewSet(rules).Evaluator()
	if matches := e.Evaluate(process("/usr/bin/hup", "nohup", "", "")); len(matches) != 0 {
		t.Fatal(matches)
	}
	matches := e.Evaluate(process("/usr/bin/nohup", "nohup ./miner", "/bin/sh", "sh"))
	if len(matches) != 1 {
		t.Fatalf("%d matches, want 1", len(matches))
	}
	want := sigma.Alert{
		ID: "e4ffe466-6ff8-48d4-94bd-e32d1a6061e2", Title: "Nohup Execution", Level: "medium", Status: "test",
		Author:     "Christopher Peacock @SecurePeacock, SCYTHE @scythe_io",
		References: []string{"https://gtfobins.github.io/gtfobins/nohup/"}, Tags: []string{"attack.execution", "attack.t1059.004"},
		File: "rules/nohup.yml",
	}
	if got := matches[0].Alert(); !reflect.DeepEqual(got, want) {
		t.Errorf("alert %+v\nwant  %+v", got, want)
	}
}
