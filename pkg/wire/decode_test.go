// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

func TestDecodeFrame(t *testing.T) {
	for _, test := range []struct {
		name, line string
		ok         bool
	}{
		{"least", `{"v":1,"n":1,"e":1}`, true},
		{"line feed", `{"v":1,"n":1,"e":1}` + "\r\n", true},
		{"fields of a newer tracer", `{"v":1,"n":1,"e":1,"new":{"a":[1]},"k":1,"ev":[{"process_new":{}}]}`, true},
		{"longest", `{"v":1,"n":1,"e":1,"s":"` + strings.Repeat("x", MaxFrame-26) + `"}`, true},
		{"too long", `{"v":1,"n":1,"e":1,"s":"` + strings.Repeat("x", MaxFrame-25) + `"}`, false},
		{"empty", ``, false},
		{"null", `null`, false},
		{"list", `[]`, false},
		{"two", `{"v":1,"n":1,"e":1}{"v":1,"n":1,"e":1}`, false},
		{"cut", `{"v":1,"n":1,"e":1`, false},
		{"another version", `{"v":2,"n":1,"e":1}`, false},
		{"no number", `{"v":1,"e":1}`, false},
		{"negative number", `{"v":1,"n":-1,"e":1}`, false},
		{"fraction", `{"v":1,"n":1.5,"e":1}`, false},
		{"no first event", `{"v":1,"n":1}`, false},
		{"numbers that overflow", `{"v":1,"n":18446744073709551615,"e":1}`, false},
		{"events that overflow", `{"v":1,"n":1,"e":18446744073709551615}`, false},
		{"totals that overflow", `{"v":1,"n":1,"e":1,"bye":{"reason":"stopped","totals":{"events":18446744073709551615}}}`, false},
		{"more events than said", `{"v":1,"n":1,"e":1,"k":0,"ev":[{}]}`, false},
		{"fewer events than said", `{"v":1,"n":1,"e":1,"k":2,"ev":[{}]}`, false},
		{"null process", `{"v":1,"n":1,"e":1,"procs":{"a":null}}`, false},
		{"process of another id", `{"v":1,"n":1,"e":1,"procs":{"a":{"exec_id":"b"}}}`, true},
		{"bad time", `{"v":1,"n":1,"e":1,"k":1,"ev":[{"time":"yesterday"}]}`, false},
	} {
		f, err := DecodeFrame([]byte(test.line))
		if (err == nil) != test.ok || err != nil && (!errors.Is(err, ErrMalformed) || f != nil) {
			t.Errorf("%s: %v, %v", test.name, f, err)
			continue
		}
		if test.ok && f.Processes["a"] != nil && f.Processes["a"].ExecID != "a" {
			t.Errorf("%s: %+v", test.name, f.Processes["a"])
		}
	}
}

func TestDecoder(t *testing.T) {
	good := `{"v":1,"n":1,"e":1}` + "\n"
	huge := strings.Repeat("x", 5*MaxFrame)
	for _, test := range []struct {
		name, stream, want string
	}{
		{"nothing", "", ""},
		{"two", good + good, "++"},
		{"no line feed at the end", good + strings.TrimSpace(good), "++"},
		{"malformed in between", good + "\n{\n" + good, "+--+"},
		{"huge in between", good + huge + "\n" + good, "+-+"},
		{"huge at the end", good + huge, "+-"},
		{"cut at the end", good + good[:9], "+-"},
	} {
		for _, r := range []io.Reader{strings.NewReader(test.stream), iotest.OneByteReader(strings.NewReader(test.stream)), iotest.DataErrReader(strings.NewReader(test.stream))} {
			d, got := NewDecoder(r), ""
			for {
				_, err := d.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				switch {
				case err == nil:
					got += "+"
				case errors.Is(err, ErrMalformed):
					got += "-"
				default:
					t.Fatal(test.name, err)
				}
			}
			if got != test.want {
				t.Errorf("%s: got %s, want %s", test.name, got, test.want)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := NewDecoder(iotest.ErrReader(broken)).Next(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// FuzzDecodeFrame: whatever a node sends, what is accepted holds what its reader relies on.
func FuzzDecodeFrame(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "frames.ndjson"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(golden) {
		f.Add(line)
	}
	for _, body := range bodies {
		f.Add(compressedLine(1, []byte(body)))
	}
	for _, ev := range append(hookEvents("/etc/passwd"), hookEvents("")...) {
		f.Add(fmt.Appendf(nil, `{"v":1,"n":1,"e":1,"k":1,"procs":{"a":{}},"ev":[%s]}`, mustJSON(ev)))
	}
	f.Add([]byte(`{"v":1,"n":1,"e":1,"k":1,"procs":{"a":{}},"ev":[{"p":"a","pp":"b","anc":["a"],"process_exec":{},"process_exit":{},"hello":{},"bye":{}}]}`))
	o := newOracle(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		o.check(t, line)
		frame, err := o.decoder.Decode(line)
		if err != nil {
			return
		}
		if frame.Number == 0 || frame.First == 0 || frame.Count != len(frame.Events) || frame.First+uint64(frame.Count) < frame.First || frame.Number+1 == 0 {
			t.Fatalf("%+v", frame)
		}
		for i := range frame.Events {
			e := frame.Event(i, func(p *Process) *event.Process { return &p.Process })
			if p := e.Process(); p != nil && frame.Events[i].ProcessID != "" && p.ExecID != frame.Events[i].ProcessID {
				t.Fatalf("%q, %q", p.ExecID, frame.Events[i].ProcessID)
			}
			_ = e.Kind()
		}
	})
}

// FuzzEncodeDecode: what Add took comes out, in order, numbered without gap, in frames that are not too long.
func FuzzEncodeDecode(f *testing.F) {
	for _, filling := range fillings {
		f.Add("id", filling, filling, uint16(8192), uint16(4096), uint8(3), uint8(2))
	}
	f.Fuzz(func(t *testing.T, id, filling, other string, long, short uint16, events, parents uint8) {
		id = id[:min(len(id), 380)] // no exec_id is longer
		filling, other = filling+"x", other+"x"
		var out, compressed bytes.Buffer
		e, second := NewEncoder(&out, "session"), NewEncoder(&compressed, "session", EncodingZstd)
		taken := 0
		for n := range int(events % 8) {
			p := process(id)
			p.Binary, p.Arguments, p.Cwd = fill(other, int(short%4096)), fill(filling, int(long%8192)), fill(filling, int(short%4096))
			processes, ev := []*Process{p}, execOf(id, "")
			if n%2 == 1 {
				hooks := hookEvents(fill(filling, int(long%4096)))
				ev = hooks[(n+int(short))%len(hooks)]
				ev.ProcessID = id
			}
			ev.Executable = fill(other, int(long%4096))
			for i := range int(parents % 8) {
				parent := *p
				parent.ExecID = longID(i)
				processes = append(processes, &parent)
				ev.AncestorIDs = append(ev.AncestorIDs, parent.ExecID)
			}
			must(t, e.Add(ev, processes...))
			must(t, second.Add(ev, processes...))
			taken++
		}
		must(t, e.Bye(event.Bye{Reason: event.ByeStopped}))
		must(t, second.Bye(event.Bye{Reason: event.ByeStopped}))
		if got, want := eventsOf(frames(t, compressed.Bytes())), eventsOf(frames(t, out.Bytes())); !reflect.DeepEqual(got, want) {
			t.Fatalf("compressed %s, plain %s", mustJSON(got), mustJSON(want))
		}
		came := 0
		all := frames(t, out.Bytes())
		for _, frame := range all {
			for i := range frame.Events {
				got := frame.Event(i, func(p *Process) *event.Process { return &p.Process })
				if h := got.Hooked(); got.Kind() == event.KindUnknown || h != nil && len(h.Args) != reflect.TypeFor[event.Argument]().NumField() {
					t.Fatalf("%+v", got)
				}
				if id != "" && (got.Process() == nil || frame.Processes[frame.Events[i].ProcessID] == nil) {
					t.Fatalf("the frame does not hold the process of its event: %+v", got)
				}
				came++
			}
		}
		if last := all[len(all)-1]; came != taken || last.Bye == nil || last.Bye.Totals.Events != uint64(taken) || e.Written() != uint64(taken) {
			t.Fatalf("%d events taken, %d came, bye %+v", taken, came, last.Bye)
		}
	})
}
