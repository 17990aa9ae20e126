// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// raceTime is how long each race lasts: TRACE_SEC_RACE_SECONDS, which make test-full sets, or a moment.
func raceTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("TRACE_SEC_RACE_SECONDS")
	if text == "" {
		return 2 * time.Second
	}
	seconds, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("TRACE_SEC_RACE_SECONDS: %v", err)
	}
	return time.Duration(seconds) * time.Second
}

// verdicts are what a race wrote: of calls that were made while nothing moved whether they were made at the second place.
func verdicts(t *testing.T, file string) map[int64]bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[int64]bool{}
	for line := range strings.Lines(string(content)) {
		var call int64
		var place int
		if _, err := fmt.Sscan(line, &call, &place); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[call] = place == 1
	}
	return all
}

// numberOf is the event's argument that tells its call from others.
func numberOf(t *testing.T, r *harness.Result, policy, label string, argument int) map[int64]int {
	t.Helper()
	told := map[int64]int{}
	for _, e := range r.Of(policy, label) {
		n, ok := harness.Hooked(e).Args[argument].Integer()
		if !ok {
			t.Fatalf("argument %d is no number: %s", argument, harness.Line(e))
		}
		told[n]++
	}
	return told
}

// TestRaces: while something goes to and fro between a place that a policy is about and one that it is not, each call is told that is
// made when it is there, and none that is made when it is not.
func TestRaces(t *testing.T) {
	pods, into := containersOf(t)
	entry := func(container string) string {
		return strings.Fields(into[container])[1]
	}
	folder := newFolder(t, disk)
	for _, name := range []string{"other", "kept", "other/mounted", "kept/mounted"} {
		harness.Folder(t, filepath.Join(folder, name))
	}
	ofFiles := kprobe("sys_pread64", "{index: 0, type: fd}, {index: 3, type: int64}", matchArgs(0, "Prefix", folder+"/kept/"))
	for _, race := range []struct {
		kind, spec, from, to string
		argument             int
	}{
		{"rename", ofFiles, folder + "/other", folder + "/kept", 1},
		{"mount", ofFiles, folder + "/other/mounted", folder + "/kept/mounted", 1},
		{"cgroup", "podSelector: {matchLabels: {app: web}}\n" + kprobe("sys_getsid", "{index: 0, type: int}"), entry("db-main"), entry("web-main"), 0},
	} {
		t.Run(race.kind, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "calls")
			policy := row{name: race.kind, spec: race.spec}
			do := fmt.Sprintf("race %s %s %s %d %s", race.kind, race.from, race.to, raceTime(t).Milliseconds(), out)
			result := harness.Run(t, policy.policyText(folder), harness.Options{Pods: pods}, harness.Step{Label: race.kind, Do: do})
			told := numberOf(t, result, race.kind, race.kind, race.argument)
			counts, wrong := map[bool]int{}, map[bool]int{}
			for call, there := range verdicts(t, out) {
				counts[there]++
				if (told[call] == 1) != there || told[call] > 1 {
					wrong[there]++
				}
			}
			if counts[true] == 0 || counts[false] == 0 {
				t.Fatalf("calls by where they were made: %v", counts)
			}
			t.Logf("calls that the policy is about: %d, not: %d", counts[true], counts[false])
			if len(wrong) > 0 {
				t.Errorf("%d are missing, %d are told that should not be", wrong[true], wrong[false])
			}
		})
	}
}

// TestForksAreSeen: however fast processes come and go, each is seen that a policy is about, and no other.
func TestForksAreSeen(t *testing.T) {
	pods, into := containersOf(t)
	const workers = 8
	each := 50 * int(raceTime(t)/time.Second)
	policy := row{name: "forks", spec: "podSelector: {matchLabels: {app: web}}\n" + kprobe("sys_getsid", "{index: 0, type: int}")}
	storm := fmt.Sprintf("storm %d %d", workers, each)
	result := harness.Run(t, policy.policyText(""), harness.Options{Pods: pods},
		harness.Step{Label: "web", Do: into["web-main"] + storm}, harness.Step{Label: "db", Do: into["db-main"] + storm})
	if told := numberOf(t, result, "forks", "db", 0); len(told) > 0 {
		t.Errorf("%d are told of a pod that the policy is not about", len(told))
	}
	told := numberOf(t, result, "forks", "web", 0)
	for n := int64(1); n <= int64(workers*each); n++ {
		if told[n] != 1 {
			t.Errorf("process %d is told %d times", n, told[n])
		}
	}
	if len(told) != workers*each {
		t.Errorf("%d processes, want %d", len(told), workers*each)
	}
}
