// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// Outputs as they are met.
var (
	wideTerminal = terminal.Capabilities{Terminal: true, UTF8: true, Emoji: true, Columns: 100}
	narrow       = terminal.Capabilities{Terminal: true, UTF8: true, Columns: 80}
	colored      = terminal.Capabilities{Terminal: true, UTF8: true, Emoji: true, Color: true, Columns: 100}
	asciiOnly    = terminal.Capabilities{Terminal: true, Columns: 80}
	unlimited    = terminal.Capabilities{Terminal: true, UTF8: true, Emoji: true}
	pipe         = terminal.Capabilities{UTF8: true, Emoji: true}
)

// shown is what a story looks like.
func shown(t *testing.T, o Options, tell func(*story)) string {
	t.Helper()
	var out bytes.Buffer
	r, err := New(&out, o)
	if err != nil {
		t.Fatal(err)
	}
	sink := feed(r)
	tell(newStory(t, sink))
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	seed, incident := (*story).seed, (*story).incident
	for _, c := range []struct {
		name string
		o    Options
		tell func(*story)
	}{
		{"seed-tree", Options{Out: wideTerminal}, seed},
		{"seed-compact", Options{Format: "compact", Out: pipe}, seed},
		{"tree", Options{Format: "tree", Out: wideTerminal}, incident},
		{"tree-narrow", Options{Out: narrow, Timestamps: true}, incident},
		{"tree-color", Options{Out: colored}, incident},
		{"tree-ascii", Options{Out: asciiOnly}, incident},
		{"tree-shared", Options{Out: wideTerminal, SharedTerminal: true, FinalTree: FinalTreeNever}, incident},
		{"compact", Options{Format: "compact", Out: pipe, Timestamps: true}, incident},
		{"compact-color", Options{Format: "compact", Out: colored}, seed},
		{"compact-ascii", Options{Format: "compact", Out: asciiOnly}, incident},
		{"wide", Options{Format: "wide", Out: pipe}, incident},
		{"json", Options{Format: "json"}, incident},
		{"yaml", Options{Format: "yaml"}, incident},
		{"jsonpath", Options{Format: "jsonpath={.process_exec.process.pid} {.process_exec.process.arguments}"}, incident},
		{"jsonpath-range", Options{Format: "jsonpath={range .process_exec.ancestors[*]}{.binary} {end}"}, incident},
		{"jsonpath-relaxed", Options{Format: "jsonpath=.loss.count"}, incident},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { golden.Check(t, "testdata/"+c.name+".golden", shown(t, c.o, c.tell)) }) // so that a slow machine holds no line too short
		})
	}
}

// The lines that Tetragon showed of the same (seeds/000), its syscall lines left out: that is a policy's doing.
func TestSeedCompactLines(t *testing.T) {
	const want = `🚀 process myapp/process-monitor-98f96db4d-nsc59 /sub.sh /sub.sh
🚀 process myapp/process-monitor-98f96db4d-nsc59 /usr/bin/sleep 5
💥 exit    myapp/process-monitor-98f96db4d-nsc59 /usr/bin/sleep 5 0
🚀 process myapp/process-monitor-98f96db4d-nsc59 /subsub.sh /subsub.sh
🚀 process myapp/process-monitor-98f96db4d-nsc59 /usr/bin/sleep 5
💥 exit    myapp/process-monitor-98f96db4d-nsc59 /usr/bin/sleep 5 0
💥 exit    myapp/process-monitor-98f96db4d-nsc59 /subsub.sh /subsub.sh 0
🚀 process myapp/process-monitor-98f96db4d-nsc59 /usr/bin/sleep 5
💥 exit    myapp/process-monitor-98f96db4d-nsc59 /usr/bin/sleep 5 0
💥 exit    myapp/process-monitor-98f96db4d-nsc59 /sub.sh /sub.sh 0
`
	if got := shown(t, Options{Format: "compact", Out: pipe}, (*story).seed); got != want {
		t.Errorf("got:\n%s", got)
	}
}

// Lines of seeds and of Tetragon's own tests, one by one.
func TestCompactLines(t *testing.T) {
	process := func(namespace, name, binary, arguments string) *event.Process {
		return &event.Process{Binary: binary, Arguments: arguments, Pod: &event.Pod{Namespace: namespace, Name: name}}
	}
	admin := process("kube-system", "tetragon", "/usr/bin/curl", "cilium.io")
	admin.Cap = &event.Capabilities{Effective: []string{"CAP_CHOWN", "CAP_SYS_ADMIN"}}
	for _, c := range []struct {
		event event.Event
		want  string
	}{
		{event.Event{ProcessExit: &event.ProcessExit{Process: process("default", "test", "/bin/sh", "")}}, "💥 exit    default/test /bin/sh  0"},
		{event.Event{ProcessExec: &event.ProcessExec{Process: process("default", "test", "/bin/sh", "")}}, "🚀 process default/test /bin/sh "},
		{event.Event{ProcessExit: &event.ProcessExit{Process: process("default", "xwing", "/usr/bin/vi", "donotchange.me"), Signal: "SIGKILL"}}, "💥 exit    default/xwing /usr/bin/vi donotchange.me SIGKILL"},
		{event.Event{NodeName: "my-node", ProcessExec: &event.ProcessExec{Process: &event.Process{Binary: "/usr/bin/curl", Arguments: "cilium.io"}}}, "🚀 process my-node /usr/bin/curl cilium.io"},
		{event.Event{NodeName: "my node", ProcessExec: &event.ProcessExec{Process: &event.Process{Binary: "/a b\n", Arguments: "c d\n"}}}, `🚀 process "my node" "/a b\n" c d\n`},
		{event.Event{ProcessExec: &event.ProcessExec{Process: admin}}, "🚀 process kube-system/tetragon /usr/bin/curl cilium.io" + strings.Repeat(" ", 49) + "🛑 CAP_SYS_ADMIN"},
		{event.Event{NodeName: "n", ProcessExec: &event.ProcessExec{}}, "🚀 process n "},
		{event.Event{NodeName: "n", Notice: &event.Notice{Level: event.LevelInfo, Text: "x"}}, "💡 notice  n x"},
		{event.Event{NodeName: "n", Notice: &event.Notice{Level: event.LevelError, Text: "x"}}, "🛑 error   n x"},
	} {
		got := shown(t, Options{Format: "compact", Out: pipe}, func(s *story) { s.show(&c.event) })
		if got != c.want+"\n" {
			t.Errorf("got  %q\nwant %q", got, c.want+"\n")
		}
	}
}

// Nothing that controls a terminal reaches one, whatever the format and wherever it stands.
func TestHostileEverywhere(t *testing.T) {
	const hostile = "\x1b[2J\u202e\u2028\u009b\x00\r\n\u200b\U000e0041\xff"
	tell := func(s *story) {
		p := pod("ns"+hostile, "pod"+hostile, "c"+hostile)
		p.PodLabels = map[string]string{"a": hostile}
		shim := s.process("node"+hostile, nil, nil, "/shim"+hostile, hostile)
		a := s.start(s.process("node"+hostile, p, shim, "/bin"+hostile, hostile), func(e *event.Event) { e.Executable = hostile + " (deleted)" })
		a.BinaryProperties = &event.BinaryProperties{PrivilegesChanged: []string{hostile}}
		a.Flags, a.Cwd = hostile, hostile
		a = s.replace(a, "/other"+hostile, hostile)
		s.child(a, "/child"+hostile, hostile)
		s.start(s.process("node"+hostile, nil, nil, "/host"+hostile, hostile))
		s.end(a, 0, "SIG"+hostile)
		for i, e := range append(hookEvents(t), hookEvents(t)...) {
			name, action := functionName(e), ""
			if h := e.Hooked(); h != nil {
				action = h.Action
			}
			spoil(reflect.ValueOf(e).Elem(), hostile)
			if h := e.Hooked(); h != nil && i%2 == 0 { // so that it has its own row
				h.Action = action
				nameFunction(e, name)
			}
			s.show(e)
		}
		s.show(&event.Event{NodeName: hostile, Loss: &event.Loss{Cause: hostile, Count: 1}})
		s.show(&event.Event{NodeName: hostile, Notice: &event.Notice{Level: hostile, Subject: hostile, Text: hostile}})
	}
	for _, format := range []string{"tree", "compact", "wide", "json", "yaml", "jsonpath={.process_exec.process}{.process_exec.process.binary}"} {
		for name, out := range map[string]terminal.Capabilities{"terminal": wideTerminal, "ascii": asciiOnly, "pipe": pipe} {
			got := shown(t, Options{Format: format, Out: out, Timestamps: true}, tell)
			if !strings.Contains(got, "bin") || !utf8.ValidString(got) {
				t.Errorf("%s, %s: broken output %q", format, name, got)
			}
			ours := strings.NewReplacer("⚠️ ", "", "📬\ufe0f ", "", "⁉\ufe0f ", "", "🕵\ufe0f ", "")
			for _, r := range ours.Replace(got) {
				if r != '\n' && terminal.Unsafe(r) {
					t.Errorf("%s, %s: %U came through", format, name, r)
					break
				}
				if name == "ascii" && r > '~' && slices.Contains([]string{"tree", "compact", "wide"}, format) {
					t.Errorf("%s, %s: %q is not ASCII", format, name, r)
					break
				}
			}
		}
	}
}

func nameFunction(e *event.Event, name string) {
	switch {
	case e.ProcessKprobe != nil:
		e.ProcessKprobe.FunctionName = name
	case e.ProcessLsm != nil:
		e.ProcessLsm.FunctionName = name
	}
}

// spoil makes all texts of an event end in another.
func spoil(v reflect.Value, ending string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*event.Timestamp]() {
			spoil(v.Elem(), ending)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			spoil(field, ending)
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i), ending)
		}
	case reflect.String:
		v.SetString(v.String() + ending)
	}
}

// Escaping for the terminal leaves the data as it is.
func TestDocumentsSayTheSame(t *testing.T) {
	e := event.Event{NodeName: "n\u202e\u2028\u009b\U000e0041🚀é", ProcessExec: &event.ProcessExec{Process: &event.Process{Binary: "/b\x1b\n\"\\", Arguments: "<&>"}}}
	for format, unmarshal := range map[string]func([]byte, any) error{
		"json": json.Unmarshal,
		"yaml": func(b []byte, v any) error { return yaml.Unmarshal(b, v) },
	} {
		var got event.Event
		text := shown(t, Options{Format: format}, func(s *story) { s.show(&e) })
		if err := unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v: %s", format, err, text)
			continue
		}
		if got.NodeName != e.NodeName || *got.ProcessExec.Process != *e.ProcessExec.Process {
			t.Errorf("%s: got %+q %+v from %s", format, got.NodeName, got.ProcessExec.Process, text)
		}
		if format == "json" && (strings.Count(text, "\n") != 1 || !strings.Contains(text, "<&>")) {
			t.Errorf("json: want one line without HTML escapes, got %s", text)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for format, want := range map[string]string{
		"xml":          "want one of tree, compact, wide, json, yaml, jsonpath=",
		"jsonpath":     "give a template",
		"jsonpath=":    "give a template",
		"jsonpath={.a": "template",
		"compact=x":    "takes no argument",
		"=x":           "unknown output format",
		"YAML":         "did you mean yaml?",
		"jsn":          "did you mean json?",
		"json-path=.a": "did you mean jsonpath?",
		"name":         "-o jsonpath='{.process_exec.process.binary}'",
		"text":         "want tree or compact",
	} {
		if _, err := New(io.Discard, Options{Format: format}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error about %q", format, err, want)
		}
	}
	for _, format := range []string{"", "tree", "jsonpath={.a}"} {
		if _, err := New(io.Discard, Options{Format: format}); err != nil {
			t.Errorf("%q: %v", format, err)
		}
	}
}

type brokenPipe struct{}

var errBroken = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrorsAreKept(t *testing.T) {
	for _, format := range []string{"tree", "compact", "json", "yaml", "jsonpath={.loss}"} {
		r, err := New(brokenPipe{}, Options{Format: format, Out: pipe})
		if err != nil {
			t.Fatal(err)
		}
		e := &event.Event{NodeName: "n", Loss: &event.Loss{Cause: event.LostRing, Count: 1}}
		if err := errors.Join(r.Take(observed()(e)), r.Flush(time.Now())); !errors.Is(err, errBroken) {
			t.Errorf("%s: got %v", format, err)
		}
		if err := r.Close(); !errors.Is(err, errBroken) {
			t.Errorf("%s: close: got %v", format, err)
		}
	}
}

// Every kind of event has a row of its own: none is shown as unknown.
func TestEveryKindHasARow(t *testing.T) {
	for _, e := range []event.Event{
		{ProcessExec: &event.ProcessExec{}}, {ProcessExit: &event.ProcessExit{}}, {Loss: &event.Loss{}}, {Notice: &event.Notice{}},
		{Hello: &event.Hello{}}, {Bye: &event.Bye{}}, {ProcessKprobe: &event.ProcessKprobe{}}, {ProcessTracepoint: &event.ProcessTracepoint{}},
		{ProcessLoader: &event.ProcessLoader{}}, {ProcessUprobe: &event.ProcessUprobe{}}, {ProcessLsm: &event.ProcessLsm{}}, {ProcessUsdt: &event.ProcessUsdt{}},
	} {
		if r := rowOf(&e, ownLook); r.word == "unknown" {
			t.Errorf("%s is unknown", e.Kind())
		}
	}
}
