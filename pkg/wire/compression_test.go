// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// squeezed is content compressed, with other settings than ours.
func squeezed(content []byte) []byte {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(true), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	defer encoder.Close()
	return encoder.EncodeAll(content, nil)
}

// streamed is content compressed without saying how long it is, for a window that is shorter.
func streamed(content string) []byte {
	var out bytes.Buffer
	encoder, err := zstd.NewWriter(&out, zstd.WithWindowSize(32*1024))
	if err != nil {
		panic(err)
	}
	for part := range slices.Chunk([]byte(content), 1000) {
		if _, err := encoder.Write(part); err != nil {
			panic(err)
		}
	}
	if err := encoder.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// compressedLine is a frame with a body of so many events.
func compressedLine(events int, body []byte) []byte {
	return fmt.Appendf(nil, `{"v":1,"s":"s","n":1,"e":1,"k":%d,"zstd":%s}`+"\n", events, mustJSON(squeezed(body)))
}

// bodies that may come compressed, each as if it had one event.
var bodies = []string{
	`{"ev":[{}]}`, `{"procs":{"a":{"pid":1}},"ev":[{"p":"a","process_exec":{}}]}`, `{"procs":{"a":{},"b":{}},"ev":[{"p":"a","pp":"b","anc":["b","c"],"t":7,"process_exit":{"status":1}}]}`,
	"{ \"ev\" : [ { } ] }\n", `{"new":{"a":[1]},"ev":[{"new":1}],"bye":{}}`, `{"EV":[{}]}`, `{"ev":[{}],"procs":null}`, `{"ev":[{}],"procs":{"a":null}}`,
	`{"ev":[{}],"ev":[{}]}`, `{"ev":[]}`, `{"ev":[{},{}]}`, `{"ev":null}`, `{}`, `null`, `[]`, ``, `{"ev":[{"time":"yesterday"}]}`, `{"ev":[{"t":-1}]}`, `{"ev":[{}`, `{"zstd":"","ev":[{}]}`,
}

// oracle reads frames with encoding/json, and with a zstd decoder of other settings than ours.
type oracle struct {
	decoder *FrameDecoder
	zstd    *zstd.Decoder
}

func newOracle(tb testing.TB) oracle {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	must(tb, err)
	return oracle{NewFrameDecoder(), decoder}
}

// check compares what a line is decoded to with what encoding/json reads, and its head with both.
func (o oracle) check(t *testing.T, text []byte) {
	t.Helper()
	frame, err := o.decoder.Decode(text)
	if (err != nil) != (frame == nil) || err != nil && !errors.Is(err, ErrMalformed) {
		t.Fatalf("%s: %v, %v", text, frame, err)
	}
	var l line
	wantErr := json.Unmarshal(text, &l)
	want := l.Frame
	if wantErr == nil && l.Compressed != nil {
		var b body
		content, failed := o.zstd.DecodeAll(l.Compressed, nil)
		wantErr = errors.Join(failed, json.Unmarshal(content, &b))
		if l.Processes != nil || l.Events != nil || len(content) > MaxBody || bytes.Count(content, []byte("{")) > maxObjects {
			wantErr = errors.New("hostile")
		}
		want.Processes, want.Events = b.Processes, b.Events
	}
	sound := len(text) <= MaxFrame && wantErr == nil && want.Version == Version && want.Number-1 < maxNumber && want.First-1 < maxNumber &&
		want.Count == len(want.Events) && 0 <= want.Enforced && want.Enforced <= want.Count && (want.Bye == nil || want.Bye.Totals.Events <= maxNumber)
	for id, p := range want.Processes {
		if sound = sound && p != nil; sound {
			p.ExecID = id
		}
	}
	if sound != (err == nil) || sound && !reflect.DeepEqual(*frame, want) {
		t.Fatalf("%s:\ngot  %s, %v\nwant %s, %v", text, mustJSON(frame), err, mustJSON(want), wantErr)
	}
	head, headErr := o.decoder.Head(text)
	if want.Processes, want.Events = nil, nil; sound && (headErr != nil || !reflect.DeepEqual(*head, want)) {
		t.Fatalf("%s: head %s, %v", text, mustJSON(head), headErr)
	}
}

func TestDecodeCompressed(t *testing.T) {
	o := newOracle(t)
	for _, content := range bodies {
		o.check(t, compressedLine(1, []byte(content)))
	}
	whole := string(compressedLine(1, []byte(bodies[1])))
	for name, text := range map[string]string{
		"no base64":           `{"v":1,"n":1,"e":1,"k":1,"zstd":"!"}`,
		"no zstd":             `{"v":1,"n":1,"e":1,"k":1,"zstd":"AAAA"}`,
		"empty":               `{"v":1,"n":1,"e":1,"k":1,"zstd":""}`,
		"null":                `{"v":1,"n":1,"e":1,"k":1,"zstd":null}`,
		"number":              `{"v":1,"n":1,"e":1,"k":1,"zstd":1}`,
		"cut":                 string(fmt.Appendf(nil, `{"v":1,"n":1,"e":1,"k":1,"zstd":%s}`, mustJSON(squeezed([]byte(bodies[1]))[:20]))),
		"plain too":           strings.Replace(whole, `"zstd"`, `"ev":[{}],"zstd"`, 1),
		"plain processes too": strings.Replace(whole, `"zstd"`, `"procs":{},"zstd"`, 1),
		"more enforced":       strings.Replace(whole, `"zstd"`, `"a":2,"zstd"`, 1),
		"negative enforced":   strings.Replace(whole, `"zstd"`, `"a":-1,"zstd"`, 1),
		"negative count":      strings.Replace(whole, `"k":1`, `"k":-1`, 1),
		"another version":     strings.Replace(whole, `"v":1`, `"v":2`, 1),
		"bomb":                string(compressedLine(1, append([]byte(`{"ev":[{}]}`), make([]byte, 1<<24)...))),
		"bomb in a stream":    string(fmt.Appendf(nil, `{"v":1,"n":1,"e":1,"k":1,"zstd":%s}`, mustJSON(streamed(`{"ev":[{}]}`+strings.Repeat(" ", MaxBody))))),
		"bomb of blanks":      string(compressedLine(1, []byte(`{"ev":[{}]}`+strings.Repeat(" ", MaxBody)))),
		"events without end":  string(compressedLine(maxObjects, []byte(`{"ev":[`+strings.Repeat("{},", maxObjects-1)+`{}]}`))),
		"two bodies":          string(compressedLine(1, slices.Concat([]byte(bodies[0]), []byte(bodies[0])))),
	} {
		if f, err := DecodeFrame([]byte(text)); !errors.Is(err, ErrMalformed) || f != nil {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	longest := `{"ev":[{}]}` + strings.Repeat(" ", MaxBody-11)
	for _, text := range [][]byte{compressedLine(1, []byte(longest)), fmt.Appendf(nil, `{"v":1,"n":1,"e":1,"k":1,"zstd":%s}`, mustJSON(streamed(longest)))} {
		if f, err := DecodeFrame(text); err != nil || len(f.Events) != 1 {
			t.Errorf("the longest body: %v", err)
		}
	}
}

// Whatever a body says, no more memory is taken than its limit and what its values need.
func TestBombTakesNoMemory(t *testing.T) {
	text := compressedLine(1, append([]byte(`{"ev":[{}]}`), make([]byte, 1<<28)...))
	d := NewFrameDecoder()
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Decode(text); !errors.Is(err, ErrMalformed) {
				b.Fatal(err)
			}
		}
	})
	if size := got.AllocedBytesPerOp(); size > 4*MaxBody {
		t.Errorf("%d bytes were allocated", size)
	}
}

func FuzzDecodeBody(f *testing.F) {
	for _, content := range bodies {
		f.Add(1, []byte(content))
	}
	for _, ev := range append(hookEvents("/etc/passwd"), hookEvents("")...) {
		f.Add(1, fmt.Appendf(nil, `{"procs":{"a":{}},"ev":[%s]}`, mustJSON(ev)))
	}
	o, encoder := newOracle(f), newCompressor(Encodings()).zstd
	f.Fuzz(func(t *testing.T, events int, content []byte) {
		text := fmt.Appendf(nil, `{"v":1,"n":1,"e":1,"k":%d,"zstd":%s}`, events, mustJSON(encoder.EncodeAll(content, nil)))
		o.check(t, text)
	})
}

// told is an event with what its frame has of its processes.
type told struct {
	Event     Event
	Processes []*Process
}

// eventsOf is what frames tell, in order, wherever a frame ends and the next begins.
func eventsOf(all []*Frame) (events []told) {
	for _, f := range all {
		for _, ev := range f.Events {
			events = append(events, told{ev, nil})
			for _, id := range append([]string{ev.ProcessID, ev.ParentID}, ev.AncestorIDs...) {
				events[len(events)-1].Processes = append(events[len(events)-1].Processes, f.Processes[id])
			}
		}
	}
	return events
}

// Frames of usual events are well filled, and few are compressed twice.
func TestCompressedFramesAreFull(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, "session", EncodingZstd)
	r := rand.New(rand.NewPCG(1, 2))
	texts := 0
	for n := range 20_000 {
		p := process(fmt.Sprint("process-", n%20))
		ev := kprobeOf(p.ExecID, "parent")
		ev.ProcessKprobe.Args[0].FileArg.Path = fmt.Sprintf("/tmp/%x/%x", r.Uint64(), r.Uint64())
		ev.Time = moment(n * 20_000)
		must(t, e.Add(ev, p, process("parent")))
		texts += len(ev.ProcessKprobe.Args[0].FileArg.Path)
	}
	must(t, e.Flush())
	all := frames(t, out.Bytes())
	short := 0
	for text := range bytes.Lines(out.Bytes()) {
		if len(text) < MaxFrame*3/4 {
			short++
		}
	}
	// The paths are random: half of them is what cannot be saved.
	if short > len(all)/20+2 || out.Len() > texts*5/4 {
		t.Errorf("%d of %d frames are short, %d bytes for %d of texts", short, len(all), out.Len(), texts)
	}
}

// Where events turn out to take more room than was expected, nothing is lost or told twice, and frames say how many of their
// events enforced something.
func TestLongBodiesAreSplit(t *testing.T) {
	var out, plain bytes.Buffer
	e, second := NewEncoder(&out, "session", EncodingZstd), NewEncoder(&plain, "session")
	r := rand.New(rand.NewPCG(3, 4))
	random := func(n int) string {
		var b strings.Builder
		for b.Len() < n {
			if c := byte('#' + r.IntN('~'-'#')); c != '\\' {
				b.WriteByte(c)
			}
		}
		return b.String()
	}
	long := map[string]string{} // arguments that stay what they are
	for n := range 55 {
		long[fmt.Sprint(n)] = random(n * 120)
	}
	enforced := 0
	for n := range 6000 {
		id, parentID := fmt.Sprint(r.IntN(50)), fmt.Sprint(50+r.IntN(5))
		p, parent := process(id), process(parentID)
		if n >= 4000 { // many don't fit in a plain frame with their parents
			p, parent = process("long-"+id), process("long-"+parentID)
			p.Arguments, parent.Arguments = long[id], long[parentID]
		}
		ev := kprobeOf(p.ExecID, parent.ExecID)
		if n/1000%2 == 1 { // after a thousand that are all the same
			ev.ProcessKprobe.Args[0].FileArg.Path = random(r.IntN(3000))
		}
		if n == 2500 {
			ev.ProcessKprobe.Args[0].FileArg.Path = strings.Repeat("{", 200)
		}
		if r.IntN(10) == 0 {
			ev.ProcessKprobe.Action = event.ActionSigkill
			enforced++
		}
		must(t, e.Add(ev, p, parent, p))
		must(t, second.Add(ev, p, parent, p))
	}
	must(t, errors.Join(e.Flush(), second.Flush()))
	all := frames(t, out.Bytes())
	if got, want := eventsOf(all), eventsOf(frames(t, plain.Bytes())); !reflect.DeepEqual(got, want) {
		t.Errorf("%d events came compressed, %d plain, or others", len(got), len(want))
	}
	said := 0
	for i, f := range all {
		actual := 0
		for _, ev := range f.Events {
			actual += min(1, len(ev.Enforced()))
		}
		if f.Enforced != actual {
			t.Errorf("frame %d says that %d events enforced something, %d did", i+1, f.Enforced, actual)
		}
		said += f.Enforced
	}
	if said != enforced {
		t.Errorf("%d events enforced something, the frames say %d", enforced, said)
	}
}

// Texts of braces look like a body of many values, which no reader takes: they come all the same.
func TestManyBracesArrive(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, "session", EncodingZstd)
	const events = 100
	for range events {
		p := process("a")
		p.Arguments = strings.Repeat("{", 4000)
		ev := kprobeOf("a", "")
		ev.ProcessKprobe.Args[0].FileArg.Path = strings.Repeat("{", 4000)
		must(t, e.Add(ev, p))
	}
	must(t, e.Flush())
	if got := eventsOf(frames(t, out.Bytes())); len(got) != events {
		t.Errorf("%d of %d events came", len(got), events)
	}
}

// What is not about events is plain, and hello says how the others are encoded.
func TestEncodingIsAgreed(t *testing.T) {
	for _, test := range []struct {
		accepted []string
		want     string
	}{{nil, ""}, {[]string{"lz77", "ZSTD"}, ""}, {[]string{"lz77", "zstd"}, "zstd"}, {Encodings(), "zstd"}} {
		var out bytes.Buffer
		e := NewEncoder(&out, "session", test.accepted...)
		must(t, e.Hello(event.Hello{Build: strings.Repeat("b", 2000)}))
		for range 20 {
			must(t, e.Add(kprobeOf("a", ""), process("a")))
		}
		must(t, e.Notice(event.Notice{Text: strings.Repeat("n", 2000)}))
		all := frames(t, out.Bytes())
		lines := bytes.Split(out.Bytes(), []byte("\n"))
		if all[0].Hello.Encoding != test.want || bytes.Contains(lines[1], []byte(`"zstd"`)) != (test.want != "") {
			t.Errorf("%v: hello says %q, frames are %s", test.accepted, all[0].Hello.Encoding, lines[1])
		}
		if len(all) != 3 || len(all[1].Events) != 20 || bytes.Contains(lines[2], []byte(`"zstd"`)) {
			t.Errorf("%v: %s", test.accepted, lines)
		}
	}
}
