// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// Lines are what encoding/json writes, with the characters escaped that must not reach a terminal; the second event of the same
// processes, which are known by then, too.
func TestJSONLinesAreThoseOfEncodingJSON(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "event", "testdata", "*.json"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var events []*event.Event
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e := &event.Event{}
		if err := json.Unmarshal(text, e); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if tetragonEvent(e) == e {
			events = append(events, e)
		}
	}
	hostile := &event.Process{
		ExecID: "id", Binary: "/bin/\x1b[2J\u202e\u200b<&>\U000e0001\xff\x7f", Arguments: "日本 \u2028 \"\\\n\t",
		Pod: &event.Pod{Name: "p", PodLabels: map[string]string{"b": "\u202e", "a": "<"}},
	}
	events = append(events, &event.Event{ProcessExec: &event.ProcessExec{Process: hostile, Parent: hostile}, NodeName: "n\u200e"})
	var got, want bytes.Buffer
	sink, err := New(&got, Options{Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, e := range events {
			if err := sink.Take(pipeline.NewItem(e)); err != nil {
				t.Fatal(err)
			}
			line, err := marshal(e, "", terminal.JSONEscape)
			if err != nil {
				t.Fatal(err)
			}
			want.Write(line)
		}
	}
	if got.Len() != 0 {
		t.Error("lines are written one by one")
	}
	if err := sink.Flush(time.Now()); err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := bytes.Split(got.Bytes(), []byte("\n")), bytes.Split(want.Bytes(), []byte("\n"))
	if len(gotLines) != len(wantLines) {
		t.Fatalf("%d lines, want %d", len(gotLines), len(wantLines))
	}
	for i := range wantLines {
		if !bytes.Equal(gotLines[i], wantLines[i]) {
			t.Errorf("got\n%s\nwant\n%s", gotLines[i], wantLines[i])
		}
	}
}
