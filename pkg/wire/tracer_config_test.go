// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTracerConfigRoundTrip(t *testing.T) {
	want := TracerConfig{Version: Version, Session: "s", Node: "n", Targets: Targets{Pods: []Pod{{UID: "u"}, {UID: "v", Selections: 1<<63 | 1, Containers: map[string]uint64{"c": 1<<63 - 1, "d": 0}}}}, Narrowed: true, Process: ProcessDetail{Namespaces: true},
		Policies: []PolicySource{{"a.yaml", "kind: TracingPolicy\n# ü \"$(HOME)\"\n"}, {"b.yaml", "{}"}}, Enforce: true, Hold: true,
		Deadline: Duration(30 * time.Minute), Silence: Duration(30 * time.Second)}
	document, err := json.Marshal(want)
	must(t, err)
	if !strings.Contains(string(document), `"silence":"30s"`) {
		t.Errorf("%s", document)
	}
	got, err := ParseTracerConfig(document)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseTracerConfig(t *testing.T) {
	for document, want := range map[string]string{
		`{"v":1,"session":"s","node":"n","targets":{"all":true}}`:                                                                                  "",
		`{"v":1,"session":"s","node":"n","targets":{"pids":[1],"cgroups":["/x"]}}`:                                                                 "",
		`{"v":2,"session":"s","node":"n","targets":{"all":true}}`:                                                                                  "one release",
		`{"v":1,"node":"n","targets":{"all":true}}`:                                                                                                "no session",
		`{"v":1,"session":"s","targets":{"all":true}}`:                                                                                             "no node",
		`{"v":1,"session":"s","node":"n","targets":{"all":true,"pids":[1]}}`:                                                                       "all excludes",
		`{"v":1,"session":"s","node":"n","targets":{"pods":[{"uid":""}]}}`:                                                                         "empty pod UID",
		`{"v":1,"session":"s","node":"n","targets":{"pids":[0]}}`:                                                                                  "empty pod UID, cgroup or pid",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"deadline":"-1s"}`:                                                                 "negative",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"deadline":"soon"}`:                                                                "soon",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"silence":30}`:                                                                     "want a text",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"enforce":true}`:                                                                   "",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"monitor":true,"policies":[{"name":"a","text":"b"}]}`:                              "",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"monitor":true,"enforce":true}`:                                                    "exclude each other",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"policies":[{"name":"a","text":"b"},{"name":"a"}]}`:                                "policy 2 of 2",
		`{"v":1,"session":"s","node":"n","targets":{"pods":[{"uid":"u"}]},"hold":true,"silence":"4s"}`:                                             "",
		`{"v":1,"session":"s","node":"n","targets":{"pods":[{"uid":"u","selections":18446744073709551615,"containers":{"c":1}}]},"narrowed":true}`: "",
		`{"v":1,"session":"s","node":"n","targets":{"pods":[{"uid":"u"}]},"hold":true}`:                                                            "can be held",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"hold":true,"silence":"4s"}`:                                                       "can be held",
		`{"v":1,"session":"s","node":"n","targets":{"pids":[1]},"hold":true,"silence":"4s"}`:                                                       "can be held",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"policies":[{"text":"b"}]}`:                                                        "policy 1 of 1",
		`{"v":1,"session":"s","node":"n","targets":{"all":true},"new":1}`:                                                                          "unknown field",
		`{"v":1,"session":"` + strings.Repeat("s", 254) + `","node":"n","targets":{}}`:                                                             "longer than",
		`{"v":1,"session":"s","node":"n","targets":{"all":true}} {}`:                                                                               "after",
		``: "EOF",
	} {
		_, err := ParseTracerConfig([]byte(document))
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", document, err, want)
		}
	}
}
