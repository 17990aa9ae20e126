// SPDX-License-Identifier: Apache-2.0

package appendjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event/appendjson"
)

// inPod is a process as it is shown, with its pod.
func inPod(pid uint32) *event.Process {
	at := &event.Timestamp{Time: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)}
	id := func(pid uint32) string { return fmt.Sprintf("bm9kZS1uYW1lOjEyMzQ1Njc4OTAxMjM0OjEyMzQ%d", pid) }
	container := strings.Repeat("0123456789abcdef", 4)
	return &event.Process{
		ExecID: id(pid), Pid: &pid, Uid: new(uint32(999)), Cwd: "/var/lib/postgresql/data", Binary: "/usr/lib/postgresql/16/bin/postgres",
		Arguments: `-c "config_file=/etc/postgresql.conf"`, Flags: "execve rootcwd clone", StartTime: at, Auid: new(uint32(4294967295)),
		Docker: container[:event.DockerLength], ParentExecID: id(pid - 1), Tid: &pid, InInitTree: new(true),
		Pod: &event.Pod{
			Namespace: "shop", Name: "postgres-0", UID: "11111111-2222-3333-4444-555555555555", Workload: "postgres", WorkloadKind: "StatefulSet",
			PodLabels: map[string]string{"app.kubernetes.io/name": "postgres", "apps.kubernetes.io/pod-index": "0", "controller-revision-hash": "postgres-6c8b7d9f5"},
			Container: &event.Container{ID: "containerd://" + container, Name: "postgres", Pid: new(uint32(7)), StartTime: at,
				Image: &event.Image{ID: "docker.io/library/postgres@sha256:" + container, Name: "docker.io/library/postgres:16"}},
		},
	}
}

// access is an event of some 1.7 KB.
func access() *event.Event {
	return &event.Event{ProcessKprobe: &event.ProcessKprobe{
		Process: inPod(1234), Parent: inPod(1000), FunctionName: "security_file_permission",
		Hooked: event.Hooked{
			Args:   []event.Argument{{FileArg: &event.FileArg{Path: "/var/lib/postgresql/data/base/16384/2619", Permission: "-rw-------"}}, {IntArg: new(int32(4))}},
			Action: event.ActionPost, PolicyName: "file-monitoring-filtered",
		},
		Return: &event.Argument{IntArg: new(int32(0))}, ReturnAction: event.ActionPost,
	}, NodeName: "node", Time: &event.Timestamp{Time: time.Date(2026, 3, 1, 12, 0, 0, 987654321, time.UTC)}}
}

// byLibrary is what encoding/json writes.
func byLibrary(tb testing.TB, v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		tb.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func beyondASCII(r rune) bool { return r > '~' }

func BenchmarkEvent(b *testing.B) {
	e, known := access(), map[*event.Process][]byte{}
	for _, p := range []*event.Process{e.ProcessKprobe.Process, e.ProcessKprobe.Parent} {
		known[p] = byLibrary(b, p)
	}
	want := byLibrary(b, e)
	for name, options := range map[string][]appendjson.Option{
		"whole":                        nil,
		"whole, escaped":               {appendjson.Escaped(beyondASCII)},
		"processes are known":          {appendjson.Known(func(p *event.Process) []byte { return known[p] })},
		"processes are known, escaped": {appendjson.Escaped(beyondASCII), appendjson.Known(func(p *event.Process) []byte { return known[p] })},
	} {
		b.Run(name, func(b *testing.B) {
			plan := appendjson.For[event.Event](options...)
			b.ReportAllocs()
			b.SetBytes(int64(len(want)))
			var dst []byte
			var err error
			for b.Loop() {
				if dst, err = plan.Append(dst[:0], e); err != nil {
					b.Fatal(err)
				}
			}
			if !bytes.Equal(dst, want) {
				b.Errorf("got  %s\nwant %s", dst, want)
			}
		})
	}
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(want)))
		for b.Loop() {
			byLibrary(b, e)
		}
	})
}
