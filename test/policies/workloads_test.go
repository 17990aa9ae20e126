// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// The UIDs of pods, which no other run of these tests on this machine has.
var webPod, dbPod = fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", os.Getpid()), fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", os.Getpid())

const (
	// Bits of the selections in workloadPolicies, in the order in which they stand there.
	webSelected, webSideSelected = uint64(1), uint64(2)
)

// workloadSpecs are policies by name; their hooks are of all kinds, with the actions that $DO is.
var workloadSpecs = []struct{ name, spec string }{
	{"of-web", "podSelector: {matchLabels: {app: web}}\n" +
		kprobe("sys_getsid", "{index: 0, type: int}", "$DO") + "\n" + strings.TrimPrefix(kprobe("security_file_open", "{index: 0, type: file}",
		"matchArgs: ["+filter(0, "Equal", "$D/text")+"]\n    $DO"), "kprobes:\n")},
	{"web-or-side", kprobe("sys_getsid", "{index: 0, type: int}",
		"label: both\n    matchWorkloads: {podSelector: {matchLabels: {app: web}}, containerSelector: {matchLabels: {name: side}}}\n    $DO",
		"label: web\n    matchWorkloads: {podSelector: {matchLabels: {app: web}}}\n    matchArgs: ["+filter(0, "LT", "5")+"]\n    $DO")},
	{"sockets-of-web", "podSelector: {matchLabels: {app: web}}\n" + trackedSockets("")},
	{"sockets-matched", trackedSockets("matchWorkloads: {podSelector: {matchLabels: {app: web}}}")},
}

// trackedSockets are hooks on the beginning of connections, which tracks them, and on their end, with a filter.
func trackedSockets(filters string) string {
	return kprobe("tcp_connect", "{index: 0, type: sock}", "matchActions: [{action: TrackSock, argSock: 0}]") + "\n" +
		rawTracepoint("sock", "inet_sock_set_state", "{index: 0, type: sock}, {index: 2, type: int}",
			filters+"\n    matchArgs: ["+filter(1, "Equal", "7")+"]") // TCP_CLOSE
}

func workloadTexts(folder, do string) string {
	var all []string
	for _, p := range workloadSpecs {
		one := row{name: p.name, spec: strings.ReplaceAll(p.spec, "$DO", do)}
		all = append(all, one.policyText(folder))
	}
	return strings.Join(all, "---\n")
}

// containersOf are those of two pods; a step enters one by the text.
func containersOf(t *testing.T) (pods []wire.Pod, into map[string]string) {
	into = map[string]string{}
	id := func(c string) string { return strings.Repeat(c, 64) }
	for name, c := range map[string]struct{ pod, id string }{"web-main": {webPod, id("a")}, "web-side": {webPod, id("b")}, "db-side": {dbPod, id("c")}, "db-main": {dbPod, id("d")}} {
		into[name] = "open " + harness.Container(t, c.pod, c.id) + " w then write 0 then "
	}
	return []wire.Pod{
		{UID: webPod, Selections: webSelected, Containers: map[string]uint64{id("b"): webSelected | webSideSelected}},
		{UID: dbPod},
	}, into
}

// TestWorkloads: policies and selectors see the containers that they are about, whatever serves their hooks.
func TestWorkloads(t *testing.T) {
	pods, into := containersOf(t)
	folder := newFolder(t, "")
	write(t, folder+"/text", "some text")
	const connect = "network then listen 127.0.0.1 80 then connect 127.0.0.1 80 then "
	rows := []struct {
		name, do string
		want     map[string][]string
	}{
		{"web-main", into["web-main"] + ask + "1 then " + ask + "9 then open " + folder + "/text",
			map[string][]string{"of-web": {"int 1", "int 9", "file*"}, "web-or-side": {"int 1"}}},
		{"web-side", into["web-side"] + ask + "1 then " + ask + "9", map[string][]string{"of-web": {"int 1", "int 9"}, "web-or-side": {"int 1", "int 9"}}},
		{"db-side", into["db-side"] + ask + "1 then open " + folder + "/text", nil},
		{"db-main", into["db-main"] + ask + "1 then open " + folder + "/text", nil},
		{"moves", into["web-main"] + ask + "7 then " + into["db-main"] + ask + "8", map[string][]string{"of-web": {"int 7"}}},
		// whose a tracked socket is counts, not who has it in the end
		{"socket-of-web", into["web-main"] + connect + into["db-main"] + "exit 0",
			map[string][]string{"sockets-of-web": {"*>127.0.0.1:80*", "*>127.0.0.1:80*"}, "sockets-matched": {"*>127.0.0.1:80*", "*>127.0.0.1:80*"}}},
		{"socket-of-db", into["db-main"] + connect + into["web-main"] + "exit 0",
			map[string][]string{"sockets-matched": {"*>127.0.0.1:80*"}}}, // it is the connection that the hook without a filter tracks
		{"socket-in-db", into["db-main"] + connect + "exit 0", map[string][]string{"sockets-matched": {"*>127.0.0.1:80*"}}},
	}
	var steps []harness.Step
	for _, r := range rows {
		steps = append(steps, harness.Step{Label: r.name, Do: r.do})
	}
	result := harness.Run(t, workloadTexts(folder, "matchActions: [{action: Post}]"), harness.Options{Pods: pods}, steps...)
	for _, r := range rows {
		for _, p := range workloadSpecs {
			t.Run(r.name+"/"+p.name, func(t *testing.T) {
				var got []string
				for _, e := range result.Of(p.name, r.name) {
					if line := harness.Line(e); !strings.Contains(line, "LISTEN") && !strings.Contains(line, ">127.0.0.1:0 ") && !strings.Contains(line, "127.0.0.1:80>") {
						got = append(got, line)
					}
				}
				compare(t, got, r.want[p.name])
			})
		}
	}
}

// TestWorkloadsThatAreEnforcedOn: what they forbid is forbidden to the containers that they are about, and to no others.
func TestWorkloadsThatAreEnforcedOn(t *testing.T) {
	pods, into := containersOf(t)
	folder := newFolder(t, "")
	write(t, folder+"/text", "some text")
	killedIn := []string{"web-main", "web-side"}
	var steps []harness.Step
	allowed := map[string][]int{}
	for name, enter := range into {
		for what, do := range map[string]string{"asks": ask + "1", "opens": "open " + folder + "/text", "opens-another": "open " + folder + "/program"} {
			label := name + "-" + what
			steps = append(steps, harness.Step{Label: label, Do: enter + do})
			if what != "opens-another" && slices.Contains(killedIn, name) {
				allowed[label] = []int{killed}
			}
		}
	}
	result := harness.Run(t, workloadTexts(folder, sigkill), harness.Options{Pods: pods, Enforce: true, Allowed: allowed}, steps...)
	for label, statuses := range allowed {
		if !slices.Equal(result.Status[label], statuses) {
			t.Errorf("%s ended with %v, want %v", label, result.Status[label], statuses)
		}
	}
	for _, h := range result.Hello.Hooks {
		if h.Refused != "" {
			t.Errorf("%s of %s is refused: %s", h.Name, h.Policy, h.Refused)
		}
	}
}

// TestWhoHandlesPackets: what a hook on a tracked socket does to the process that runs is not done to one that is no target.
func TestWhoHandlesPackets(t *testing.T) {
	pods, into := containersOf(t)
	folder := newFolder(t, "")
	kill := row{name: "ends", spec: "podSelector: {matchLabels: {app: web}}\n" +
		kprobe("tcp_connect", "{index: 0, type: sock}", "matchActions: [{action: TrackSock, argSock: 0}]") + "\n" +
		rawTracepoint("sock", "inet_sock_set_state", "{index: 0, type: sock}, {index: 2, type: int}",
			"matchArgs: ["+filter(1, "Equal", "4")+"]\n    "+sigkill)} // TCP_FIN_WAIT1
	shutDown := func(enter string) string {
		return into["web-main"] + "network then listen 127.0.0.1 80 then connect 127.0.0.1 80 then dup-to 9 then fork then " + enter +
			"call shutdown 9 1 then exit 0"
	}
	result := harness.Run(t, kill.policyText(folder), harness.Options{Pods: pods, Enforce: true, Allowed: map[string][]int{"meant": {killed}}},
		harness.Step{Label: "meant", Do: shutDown("")}, harness.Step{Label: "other", Do: shutDown(into["db-main"])})
	for label, want := range map[string]string{"meant": "SIGKILL", "other": "POST would SIGKILL"} {
		var got []string
		for _, e := range result.Of(kill.name, label) {
			if socket, actions, ended := strings.Cut(withActions(e), "int 4 "); ended && strings.Contains(socket, ">127.0.0.1:80") {
				got = append(got, actions)
			}
		}
		if len(got) == 0 || got[0] != want { // where another follows, it is of the owner when it closes the socket
			t.Errorf("%s: %q, want %q", label, got, want)
		}
	}
	if status := result.Status["meant"]; !slices.Equal(status, []int{killed}) {
		t.Errorf("the process of the pod ended with %v", status)
	}
}
