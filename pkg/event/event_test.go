// SPDX-License-Identifier: Apache-2.0

package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

func at(text string) *Timestamp {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return &Timestamp{t}
}

func space(number uint32) *Namespace { return &Namespace{Inum: number, IsHost: true} }

// bodies has an event of each kind, with and without what may be absent.
func bodies() map[string]Event {
	yes, no, code, level := true, false, 0, int32(0)
	process := &Process{
		ExecID: "bm9kZToxOjI=", Pid: new(uint32(0)), Uid: new(uint32(0)), Cwd: "/", Binary: "/bin/sh", Arguments: `-c "a && b > c"`,
		Flags: (FlagExecve | FlagClone).String(), StartTime: at("2026-03-01T12:00:00.5Z"), Auid: new(uint32(4294967295)), Tid: new(uint32(0)),
		Docker: "0123456789abcdef", ParentExecID: "bm9kZToxOjE=", InInitTree: &no,
		Pod: &Pod{
			Namespace: "shop", Name: "web", UID: "uid", PodLabels: map[string]string{"b": "2", "a": "1"}, Workload: "web", WorkloadKind: "Pod",
			Container: &Container{
				ID: "containerd://0123456789abcdef", Name: "app", Image: &Image{ID: "web@sha256:0", Name: "web:1"},
				StartTime: at("2026-03-01T12:00:00Z"), Pid: new(uint32(0)), SecurityContext: &SecurityContext{Privileged: true},
			},
		},
		Cap: &Capabilities{Permitted: []string{"CAP_CHOWN"}, Inheritable: []string{"CAP_SYS_ADMIN"}},
		Ns: &Namespaces{Uts: space(1), Ipc: space(2), Mnt: space(3), Pid: &Namespace{Inum: 7}, PidForChildren: space(4), Net: space(5),
			Time: space(6), TimeForChildren: space(6), Cgroup: space(8), User: space(9)},
		ProcessCredentials: &ProcessCredentials{new(uint32(0)), new(uint32(0)), new(uint32(1)), new(uint32(2)), new(uint32(3)), new(uint32(4)), new(uint32(5)), new(uint32(6)), []string{"SecBitKeepCaps"},
			&Capabilities{Effective: []string{"CAP_BPF"}}, &UserNamespace{Level: &level, Uid: new(uint32(0)), Ns: &Namespace{Inum: 1}}},
		BinaryProperties: &BinaryProperties{Setuid: new(uint32(0)), Setgid: new(uint32(0)), PrivilegesChanged: []string{"PRIVILEGES_RAISED_EXEC_FILE_SETUID"},
			File: &FileProperties{&InodeProperties{Number: 18446744073709551615, Links: new(uint32(0))}}},
	}
	parent := &Process{ExecID: "bm9kZToxOjE=", InInitTree: &yes}
	when := at("2026-03-01T12:00:00.000000001Z")
	all := map[string]Event{
		"exec":           {ProcessExec: &ProcessExec{process, parent, []*Process{{ExecID: "bm9kZToxOjA="}}}, Executable: "/memfd:x (deleted)", NodeName: "node", Time: when},
		"exec-empty":     {ProcessExec: &ProcessExec{}},
		"exit":           {ProcessExit: &ProcessExit{Process: process, Parent: parent, Signal: "SIGKILL", Status: 137, Time: when}, NodeName: "node", Time: when},
		"exit-with-zero": {ProcessExit: &ProcessExit{Process: &Process{Pid: new(uint32(0))}}},
		"hello":          {Hello: &Hello{Protocol: 1, Build: "v1", Session: "s", Kernel: "6.18", Arch: "amd64", BootID: "b", Tiers: []string{"tracepoint"}, Cgroups: "unified", Hooks: []Hook{{Name: "exec", Backend: "tp_btf"}, {Name: "x", Refused: "no such"}, {"policy", "sys_kill", "raw_tracepoint", "tracepoint", "tracepoint sys_exit", true, []string{"Note."}, 2, ""}}}},
		"loss":           {Loss: &Loss{Cause: LostRing, Count: 1, Total: 2}},
		"throttle":       {ProcessThrottle: &ProcessThrottle{Type: ThrottleStart, Cgroup: ThrottleAll}, Loss: &Loss{Cause: LostRing, Count: 1, Total: 2}, NodeName: "node", Time: when},
		"throttle-stop":  {ProcessThrottle: &ProcessThrottle{Type: ThrottleStop, Cgroup: "pod1"}, Throttled: &Throttled{Pod: &Pod{Namespace: "shop", Name: "web", UID: "1"}, Count: 3, Total: 5}, NodeName: "node", Time: when},
		"notice":         {Notice: &Notice{Level: LevelWarning, Subject: "uid", Text: "text"}},
		"bye":            {Bye: &Bye{Reason: ByeFinished, ExitCode: &code, Totals: Totals{Seen: map[string]uint64{"exec": 1}, Events: 0, Lost: map[string]uint64{LostRing: 0}, Cost: Cost{CPUNanoseconds: 18446744073709551615}}}},
		"unknown":        {NodeName: "node"},
	}
	maps.Copy(all, hookBodies())
	return all
}

func TestJSON(t *testing.T) {
	for name, e := range bodies() {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(e, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, filepath.Join("testdata", name+".json"), append(got, '\n'))
			var back Event
			if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, e) {
				t.Errorf("read back: %v, %+v", err, back)
			}
		})
	}
}

// Tetragon's own words, from its testdata and documentation: what is read is written again without a difference, but for
// refcnt, which is a debug aid of its cache.
func TestTetragonSample(t *testing.T) {
	sample, err := os.ReadFile(filepath.Join("testdata", "tetragon-exec.json"))
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := json.Unmarshal(sample, &e); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(written, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(sample, &want); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"process", "parent"} {
		delete(want.(map[string]any)["process_exec"].(map[string]any)[who].(map[string]any), "refcnt")
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", written)
	}
}

func TestKindAndSubjects(t *testing.T) {
	for name, want := range map[string]struct {
		kind            Kind
		process, parent bool
	}{
		"exec": {KindExec, true, true}, "exec-empty": {KindExec, false, false}, "exit": {KindExit, true, true}, "hello": {KindHello, false, false},
		"loss": {KindLoss, false, false}, "throttle": {KindLoss, false, false}, "throttle-stop": {KindThrottle, false, false}, "notice": {KindNotice, false, false}, "bye": {KindBye, false, false}, "unknown": {KindUnknown, false, false},
	} {
		e := bodies()[name]
		if e.Kind() != want.kind || (e.Process() != nil) != want.process || (e.Parent() != nil) != want.parent {
			t.Errorf("%s: %s, process %v, parent %v", name, e.Kind(), e.Process(), e.Parent())
		}
	}
	e := bodies()["exit"]
	s, ok := e.Subjects()
	*s.Process, *s.Ancestors = nil, []*Process{{}}
	if !ok || e.ProcessExit.Process != nil || len(e.ProcessExit.Ancestors) != 1 {
		t.Error("subjects are not the event's own fields")
	}
}

func TestCloneHasItsOwnBody(t *testing.T) {
	for name, original := range bodies() {
		before := bodies()[name]
		c := original.Clone()
		if !reflect.DeepEqual(*c, before) {
			t.Errorf("%s: the copy differs: %+v", name, c)
		}
		v := reflect.ValueOf(c).Elem()
		for _, f := range v.Fields() {
			if f.Kind() == reflect.Pointer && !f.IsNil() && f.Type() != reflect.TypeFor[*Timestamp]() {
				f.Elem().SetZero()
			}
		}
		if !reflect.DeepEqual(original, before) {
			t.Errorf("%s: changing the copy's body changed the original", name)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-01T12:00:00Z":                "2026-03-01T12:00:00Z",
		"2026-03-01T12:00:00.1Z":              "2026-03-01T12:00:00.100Z",
		"2026-03-01T12:00:00.123Z":            "2026-03-01T12:00:00.123Z",
		"2026-03-01T12:00:00.1234Z":           "2026-03-01T12:00:00.123400Z",
		"2026-03-01T12:00:00.000001Z":         "2026-03-01T12:00:00.000001Z",
		"2026-03-01T12:00:00.1234567Z":        "2026-03-01T12:00:00.123456700Z",
		"2026-03-01T12:00:00.000000001Z":      "2026-03-01T12:00:00.000000001Z",
		"2026-03-01T14:00:00.5+02:00":         "2026-03-01T12:00:00.500Z",
		"0001-01-01T00:00:00Z":                "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999999Z":      "9999-12-31T23:59:59.999999999Z",
		"1960-01-01T00:00:00.000000999-00:30": "1960-01-01T00:30:00.000000999Z",
	} {
		got, err := json.Marshal(at(text))
		if err != nil || string(got) != `"`+want+`"` {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
		var back Timestamp
		if err := json.Unmarshal(got, &back); err != nil || !back.Equal(at(text).Time) {
			t.Errorf("%s: read back as %s, %v", text, back, err)
		}
	}
	for _, year := range []int{-1, 10000} {
		if got, err := json.Marshal(Timestamp{time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil {
			t.Errorf("year %d was written as %s", year, got)
		}
	}
}

// What ReadJSON takes is read as UnmarshalJSON reads it, and it takes all that is written.
func TestTimestampIsReadQuickly(t *testing.T) {
	for text, quick := range map[string]bool{
		"2026-03-01T12:00:00Z": true, "2026-03-01T12:00:00.1Z": true, "2024-02-29T23:59:59.123456789Z": true, "0000-01-01T00:00:00.000000001Z": true,
		"9999-12-31T23:59:59.999999999Z": true, "2026-03-01T12:00:00+00:00": false, "2026-03-01T12:00:00.5+02:00": false, "2026-02-29T12:00:00Z": false,
		"2026-13-01T12:00:00Z": false, "2026-00-01T12:00:00Z": false, "2026-01-00T12:00:00Z": false, "2026-01-32T12:00:00Z": false, "2026-03-01T24:00:00Z": false,
		"2026-03-01T12:60:00Z": false, "2026-03-01T12:00:60Z": false, "2026-03-01T12:00:00.Z": false, "2026-03-01T12:00:00,5Z": false, "2026-03-01T12:00:00.1234567890Z": false,
		"2026-03-01t12:00:00Z": false, "2026-03-01 12:00:00Z": false, "2026-03-01T12:00:00z": false, "2026-03-01T12:00:00": false, "2026-3-01T12:00:00Z": false,
		"+026-03-01T12:00:00Z": false, "2026-03-01T12:00:-1Z": false, "2026/03-01T12:00:00Z": false, "2026-03-01T12:00:00.12x4Z": false, "2026-03-01T12:00:00x1Z": false, "Z": false, "": false,
	} {
		var got, want Timestamp
		read := got.ReadJSON([]byte(`"` + text + `"`))
		err := want.UnmarshalJSON([]byte(`"` + text + `"`))
		if read != quick || read && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("%s: %t, %s, want %t, %s, %v", text, read, got, quick, want, err)
		}
	}
	var none Timestamp
	for _, value := range []string{"", "null", "1", `"`, `2026-03-01T12:00:00Z`} {
		if none.ReadJSON([]byte(value)) {
			t.Errorf("%s was read", value)
		}
	}
}

func TestFlags(t *testing.T) {
	for flags, want := range map[Flag]string{
		0:                                     "",
		FlagExecve | FlagRootCwd | FlagClone:  "execve rootcwd clone",
		FlagUnknown:                           "unknown",
		FlagInInitTree | FlagExecve:           "execve inInitTree",
		FlagTruncatedArguments | FlagProcFS:   "procFS truncArgs",
		FlagErrorCwd | FlagErrorFilename:      "errorFilename errorCWD",
		FlagMiss | FlagErrorArguments | 1<<31: "miss errorArgs",
	} {
		if got := flags.String(); got != want {
			t.Errorf("%b: got %q, want %q", flags, got, want)
		}
	}
	all := Flag(1)<<len(flagWords) - 1
	if FlagUnknown != 1<<(len(flagWords)-1) {
		t.Error("there are not as many words as flags")
	}
	if got := ParseFlags(all.String()); got != all {
		t.Errorf("read back: %b", got)
	}
	if got := ParseFlags(" clone  errorEnvs\texecve clonex "); got != FlagExecve|FlagClone {
		t.Errorf("got %q", got)
	}
	// Tetragon's order.
	order := "execve procFS errorEnvs truncArgs miss errorFilename errorArgs nocwd rootcwd errorCWD clone errorCgroupName inInitTree unknown"
	last := -1
	for _, word := range flagWords {
		position := strings.Index(order, word)
		if position <= last {
			t.Errorf("%s is not in Tetragon's order", word)
		}
		last = position
	}
}

func TestCapabilitySet(t *testing.T) {
	for set, want := range map[uint64]string{
		0:             "[]",
		1 << 0:        "[CAP_CHOWN]",
		1<<1 | 1<<2:   "[DAC_OVERRIDE CAP_DAC_READ_SEARCH]",
		1<<40 | 1<<63: "[CAP_CHECKPOINT_RESTORE CAP_63]",
		1<<21 | 1<<39: "[CAP_SYS_ADMIN CAP_BPF]",
	} {
		if got := fmt.Sprint(CapabilitySet(set)); got != want {
			t.Errorf("%#x: %s, want %s", set, got, want)
		}
	}
}
