// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

var moment = time.Date(2026, 5, 1, 10, 0, 0, 340e6, time.UTC)

// manifest of the tests' files.
func manifest() Manifest {
	return Manifest{Format: Format, Recording: "r", Segment: 1, Started: event.Timestamp{Time: moment}, LocalZone: "UTC", Argv: []string{"exec"}}
}

// exec is an event of a node with its number.
func execLine(node string, number int) ([]byte, About) {
	at := moment.Add(time.Duration(number) * time.Second)
	line := fmt.Sprintf(`{"process_exec":{"process":{"binary":"/bin/%d"}},"node_name":"%s","time":"%s","seq":%d}`, number, node, at.Format(time.RFC3339Nano), number)
	return []byte(line), About{Node: node, Number: uint64(number), Time: at}
}

func stream(kind, body, node string, at time.Time) ([]byte, About) {
	return fmt.Appendf(nil, `{"%s":%s,"node_name":"%s","time":"%s"}`, kind, body, node, at.Format(time.RFC3339Nano)), About{Node: node, Time: at}
}

// lineAdder is a Writer or a File.
type lineAdder interface {
	Add([]byte, About) error
	CloseFrame() error
}

// write writes so many frames of some events of one node, with its hello and bye, and returns the lines that a reader has to see.
func write(t *testing.T, w lineAdder, frames, events int) (lines []string) {
	t.Helper()
	add := func(line []byte, a About) {
		lines = append(lines, string(line))
		if err := w.Add(line, a); err != nil {
			t.Fatal(err)
		}
	}
	add(stream("hello", `{"protocol":1}`, "n1", moment))
	number := 0
	for range frames {
		for range events {
			number++
			add(execLine("n1", number))
		}
		if err := w.CloseFrame(); err != nil {
			t.Fatal(err)
		}
	}
	add(stream("bye", fmt.Sprintf(`{"reason":"stopped","totals":{"events":%d}}`, number), "n1", moment))
	return lines
}

func totals(events int) Trailer {
	return Trailer{Nodes: []NodeTotals{{Node: "n1", Written: uint64(events), Recorded: uint64(events), Complete: true}}, Complete: true, Reason: "x", Ended: event.Timestamp{Time: moment}}
}

// sample writes a whole file.
func sample(t *testing.T, name string, frames, events int) (lines []string) {
	t.Helper()
	f, err := Create(name, manifest(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	lines = write(t, f, frames, events)
	if _, err := f.Finish(totals(frames * events)); err != nil {
		t.Fatal(err)
	}
	return lines
}

// read returns the event lines of a file, and how it ended.
func read(t *testing.T, name string) (lines []string, damaged []int, end error) {
	t.Helper()
	r, err := Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if d, ok := errors.AsType[*FrameError](err); ok {
			damaged = append(damaged, d.Frame)
			continue
		}
		if err != nil {
			return lines, damaged, err
		}
		for line := range b.Lines() {
			if line.IsEvent() {
				lines = append(lines, string(line.Text))
			}
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, suffix := range []string{Suffix, plainSuffix} {
		name := filepath.Join(t.TempDir(), "x"+suffix)
		want := sample(t, name, 3, 50)
		got, damaged, end := read(t, name)
		if !slices.Equal(got, want) || damaged != nil || !errors.Is(end, io.EOF) {
			t.Errorf("%s: %d lines, want %d; damaged %v, %v", suffix, len(got), len(want), damaged, end)
		}
		report, err := Verify(name)
		if err != nil || !report.Intact() || report.Events != 150 || report.Chain != report.Trailer.Chain {
			t.Errorf("%s: %v, %+v", suffix, err, report)
		}
		if out, err := exec.Command("sh", "-c", "cd '"+filepath.Dir(name)+"' && sha256sum -c *.sha256").CombinedOutput(); err != nil {
			t.Errorf("sha256sum: %v\n%s", err, out)
		}
	}
}

// zstd's own program reads the file, and finds the same lines.
func TestZstdReadsIt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x"+Suffix)
	want := sample(t, name, 3, 50)
	out, err := exec.Command("zstd", "-dcq", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range linesOf(out) {
		if line.IsEvent() {
			got = append(got, string(line.Text))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}

// ends are where the whole frames of a file end, with how many events there are up to there.
func ends(t *testing.T, name string) (offsets []int64, lines []int) {
	t.Helper()
	r, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	count := 0
	for {
		b, err := r.Next()
		if err != nil {
			return offsets, lines
		}
		for line := range b.Lines() {
			if line.IsEvent() {
				count++
			}
		}
		offsets, lines = append(offsets, r.offset), append(lines, count)
	}
}

// Whatever byte a file ends at, its whole frames are read, and that it has no end is said.
func TestCutAtEveryByte(t *testing.T) {
	folder := t.TempDir()
	for _, suffix := range []string{Suffix, plainSuffix} {
		name, cut := filepath.Join(folder, "x"+suffix), filepath.Join(folder, "cut"+suffix)
		want := sample(t, name, 3, 4)
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		offsets, lines := ends(t, name)
		complete := offsets[len(offsets)-1] // behind it there is the seek table
		for length := range whole {
			if err := os.WriteFile(cut, whole[:length], 0o600); err != nil {
				t.Fatal(err)
			}
			expect := 0
			for i, end := range offsets {
				if end <= int64(length) {
					expect = lines[i]
				}
			}
			got, damaged, end := read(t, cut)
			first := offsets[0] <= int64(length)
			switch {
			case damaged != nil || len(got) != expect || !slices.Equal(got, want[:expect]):
				t.Errorf("%s: cut at %d: %d lines, want %d; damaged %v", suffix, length, len(got), expect, damaged)
			case first && errors.Is(end, ErrIncomplete) != (int64(length) < complete):
				t.Errorf("%s: cut at %d of %d: %v", suffix, length, len(whole), end)
			}
			if report, err := Verify(cut); err == nil && report.Intact() {
				t.Errorf("%s: cut at %d of %d and intact", suffix, length, len(whole))
			}
		}
	}
}

// Whatever bit of a file is another, the check says so; of a compressed one it names the frame.
func TestFlippedBits(t *testing.T) {
	folder := t.TempDir()
	for _, suffix := range []string{Suffix, plainSuffix} {
		name, flipped := filepath.Join(folder, "x"+suffix), filepath.Join(folder, "flipped"+suffix)
		sample(t, name, 3, 4)
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		offsets, _ := ends(t, name)
		sum, err := os.ReadFile(name + SumSuffix)
		if err == nil {
			err = os.WriteFile(flipped+SumSuffix, sum, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		for at := range whole {
			text := slices.Clone(whole)
			text[at] ^= 1 << (at % 8)
			if err := os.WriteFile(flipped, text, 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(flipped)
			if err != nil {
				continue // it is no recording any more, which is said
			}
			if report.Intact() {
				t.Errorf("%s: bit flipped in byte %d of %d, and nothing is said", suffix, at, len(whole))
			}
			frame := slices.IndexFunc(offsets, func(end int64) bool { return int64(at) < end })
			named := fmt.Sprintf("frame %d ", frame)
			if frame >= 0 && frame < len(offsets)-1 && suffix == Suffix && !slices.ContainsFunc(report.Problems, func(p string) bool { return strings.Contains(p, named) }) {
				t.Errorf("%s: bit flipped in byte %d: frame %d is not named: %q", suffix, at, frame, report.Problems)
			}
		}
	}
}

// A frame that is left out, put in twice or exchanged breaks the chain.
func TestFramesCannotBeMoved(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "x"+Suffix)
	sample(t, name, 4, 4)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	ends, _ := ends(t, name)
	frame := func(i int) []byte { return whole[ends[i-1]:ends[i]] }
	for what, text := range map[string][]byte{
		"left out":  slices.Concat(whole[:ends[1]], whole[ends[2]:]),
		"twice":     slices.Concat(whole[:ends[2]], frame(2), whole[ends[2]:]),
		"exchanged": slices.Concat(whole[:ends[0]], frame(2), frame(1), whole[ends[2]:]),
		"behind":    slices.Concat(whole[:ends[len(ends)-1]], frame(1), whole[ends[len(ends)-1]:]),
	} {
		moved := filepath.Join(folder, "moved"+Suffix)
		if err := os.WriteFile(moved, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if report, err := Verify(moved); err != nil || len(report.Problems) == 0 {
			t.Errorf("%s: %v, %+v", what, err, report)
		}
	}
}

var errFull = errors.New("no space left")

// full has room for so many bytes.
type full struct{ room int }

func (f *full) Write(text []byte) (int, error) {
	n := min(len(text), f.room)
	f.room -= n
	if n < len(text) {
		return n, errFull
	}
	return n, nil
}

// A full disk is an error of the call that met it, wherever that is.
func TestFullDisk(t *testing.T) {
	all := func(out io.Writer) error {
		w, err := NewWriter(out, manifest(), false)
		if err != nil {
			return err
		}
		for number := 1; number <= 20; number++ {
			if err := w.Add(execLine("n1", number)); err != nil {
				return err
			}
			if err := w.CloseFrame(); err != nil {
				return err
			}
		}
		_, err = w.Finish(totals(20))
		return err
	}
	counting := &full{room: 1 << 30}
	if err := all(counting); err != nil {
		t.Fatal(err)
	}
	size := 1<<30 - counting.room
	for room := 0; room < size; room += 7 {
		if err := all(&full{room: room}); !errors.Is(err, errFull) {
			t.Fatalf("room for %d of %d bytes: %v", room, size, err)
		}
	}
}

func TestRepair(t *testing.T) {
	folder := t.TempDir()
	name, cut, repaired := filepath.Join(folder, "x"+Suffix), filepath.Join(folder, "cut"+Suffix), filepath.Join(folder, "repaired"+Suffix)
	want := sample(t, name, 5, 10)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	offsets, lines := ends(t, name)
	damaged := slices.Clone(whole[:offsets[3]+5]) // the frames 0 to 3 and a bit
	damaged[offsets[1]+20] ^= 4                   // of which frame 2 can't be read
	if err := os.WriteFile(cut, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := Repair(cut, repaired)
	if err != nil || len(made.Left) != 2 || made.Events != 30-10 {
		t.Fatalf("%v, %+v", err, made)
	}
	got, _, end := read(t, repaired)
	expect := slices.Concat(want[:lines[1]], want[lines[2]:lines[3]])
	if !errors.Is(end, io.EOF) || !slices.Equal(got, expect) {
		t.Errorf("%v, %d lines, want %d", end, len(got), len(expect))
	}
	report, err := Verify(repaired)
	if err != nil || !report.Intact() || !report.Trailer.Repaired {
		t.Errorf("%v, %+v", err, report)
	}
	if after, err := os.ReadFile(cut); err != nil || !slices.Equal(after, damaged) {
		t.Errorf("the original was touched: %v", err)
	}
	if _, err := Repair(cut, repaired); !errors.Is(err, os.ErrExist) {
		t.Errorf("repaired into a file that exists: %v", err)
	}
}

func TestWhatIsThereIsNotOverwritten(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "x"+Suffix)
	f, err := Create(name, manifest(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(name, manifest(), nil, false); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("got %v", err)
	}
	if _, err := Create(name, manifest(), nil, true); err == nil || !strings.Contains(err.Error(), "has no end") {
		t.Errorf("with force: %v", err)
	}
	if _, err := f.Finish(totals(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(name, manifest(), nil, true); err != nil {
		t.Errorf("with force, and the end: %v", err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := Create(filepath.Join(folder, "none", "x"), manifest(), nil, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestOtherFormats(t *testing.T) {
	for _, format := range []string{"tsec/2", "", "x"} {
		m := manifest()
		m.Format = format
		name := filepath.Join(t.TempDir(), "x"+Suffix)
		f, err := Create(name, m, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Finish(totals(0)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(name); err == nil || !strings.Contains(err.Error(), "use a newer version") {
			t.Errorf("%q: %v", format, err)
		}
	}
}
