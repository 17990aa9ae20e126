// SPDX-License-Identifier: Apache-2.0

package tetragonapi

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/tetragon/api/v1/tetragon"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// notEvents are files of pkg/event/testdata that never are lines of JSON output: what the session log has, and Tetragon's own
// samples, which have fields that only Tetragon fills.
var notEvents = []string{"hello.json", "loss.json", "notice.json", "bye.json", "unknown.json", "tetragon-exec.json"}

const (
	goldenOutput = "../../pkg/plugin/render/testdata/json.golden"
	hookEvents   = "../../pkg/plugin/render/testdata/hooks.ndjson"
)

// goldenEvents are the events of all golden files, decoded strictly.
func goldenEvents(t *testing.T) (events []*tetragon.GetEventsResponse) {
	t.Helper()
	decode := func(file string, line []byte) {
		e, err := Decode(line)
		if err != nil {
			t.Errorf("%s: %v\n%s", file, err, line)
			return
		}
		events = append(events, e)
	}
	files, err := filepath.Glob("../../pkg/event/testdata/*.json")
	if err != nil || len(files) < len(notEvents) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if !slices.Contains(notEvents, filepath.Base(file)) {
			decode(file, read(t, file))
		}
	}
	for line := range bytes.Lines(read(t, goldenOutput)) {
		decode(goldenOutput, line)
	}
	for line := range bytes.Lines(read(t, hookEvents)) {
		var e event.Event // the file is input: written again it is what output would be
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if h := e.Hooked(); h != nil && h.Action != "" && !strings.HasPrefix(h.Action, "KPROBE_ACTION_") {
			continue // of a hostile node: tetra takes an unknown action for none
		}
		written, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		decode(hookEvents, written)
	}
	return events
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestGoldenJSONIsTetragons(t *testing.T) {
	if events := goldenEvents(t); len(events) < 100 {
		t.Errorf("only %d events in the golden files", len(events))
	}
	for line := range bytes.Lines(read(t, goldenOutput)) {
		if err := Check(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			t.Errorf("%v\n%s", err, line)
		}
	}
}

// Lines of JSON in the pages are events, session log records apart.
func TestDocumentedJSONIsTetragons(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages, "../../README.md") {
		for line := range bytes.Lines(read(t, page)) {
			line = bytes.TrimSpace(line)
			var named map[string]json.RawMessage
			if json.Unmarshal(line, &named) != nil || named["node_name"] == nil {
				continue
			}
			checked++
			if err := Check(line); err != nil {
				t.Errorf("%s: %v\n%s", page, err, line)
			}
		}
	}
	if checked == 0 {
		t.Error("no page has an event")
	}
}
