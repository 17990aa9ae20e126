// SPDX-License-Identifier: Apache-2.0

//go:build linux

package carry

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// inflater is starter/inflate.h as a program with the sanitizers, which end it where it goes wrong.
type inflater struct {
	mu  sync.Mutex
	in  io.Writer
	out io.Reader
}

func newInflater(t testing.TB) *inflater {
	t.Helper()
	program := filepath.Join(t.TempDir(), "inflate")
	build := exec.Command("gcc", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-builtin", "-o", program, "testdata/inflate.c")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(program)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &inflater{in: in, out: out}
}

// inflate is the result for one member; false if it is refused.
func (i *inflater) inflate(t testing.TB, member []byte, size int) ([]byte, bool) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	question := binary.NativeEndian.AppendUint32(nil, uint32(len(member)))
	question = binary.NativeEndian.AppendUint32(question, uint32(size))
	if _, err := i.in.Write(append(question, member...)); err != nil {
		t.Fatal(err)
	}
	var answer int32
	if err := binary.Read(i.out, binary.NativeEndian, &answer); err != nil {
		t.Fatal(err)
	}
	if answer < 0 {
		return nil, false
	}
	data := make([]byte, answer)
	if _, err := io.ReadFull(i.out, data); err != nil {
		t.Fatal(err)
	}
	return data, true
}

// TestInflate compares with Go's decompressor: all levels, data of several kinds, and members that were cut or changed.
func TestInflate(t *testing.T) {
	inflate := newInflater(t)
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 70_000) // more than one stored block
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	source, err := os.ReadFile("starter/inflate.h")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": {}, "one": {7}, "noise": noise, "text": source, "zeros": make([]byte, 300_000),
		"mixed": bytes.Join([][]byte{source, noise[:9000], make([]byte, 5000), source}, nil),
	} {
		for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
			var member bytes.Buffer
			w, err := gzip.NewWriterLevel(&member, level)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(data)
			_ = w.Close()
			got, ok := inflate.inflate(t, member.Bytes(), len(data))
			if !ok || !bytes.Equal(got, data) {
				t.Errorf("%s, level %d: %d of %d bytes, %t", name, level, len(got), len(data), ok)
			}
			for range 4 {
				broken := bytes.Clone(member.Bytes())
				broken[random.IntN(len(broken))] ^= 1 << random.IntN(8)
				compare(t, inflate, broken[:random.IntN(len(broken)+1)], len(data))
				compare(t, inflate, broken, len(data))
			}
		}
	}
}

// compare: what Go's decompressor takes, the starter's takes too and the other way round, but for the checksum: it has a digest instead.
func compare(t testing.TB, inflate *inflater, member []byte, size int) {
	t.Helper()
	got, ok := inflate.inflate(t, member, size)
	want, sound := decompress(member, size)
	if ok && (!sound || !bytes.Equal(got, want)) {
		t.Errorf("%x: %d bytes of what Go does not decompress to these", member, len(got))
	}
	if sound && !ok {
		t.Errorf("%x: refused", member)
	}
}

// decompress is by Go: size bytes behind a plain header, whatever the trailer says.
func decompress(member []byte, size int) ([]byte, bool) {
	if len(member) < gzipLeast-2 || member[3] != 0 {
		return nil, false
	}
	r, err := gzip.NewReader(bytes.NewReader(member))
	if err != nil {
		return nil, false
	}
	r.Multistream(false)
	data, err := io.ReadAll(r)
	if err == gzip.ErrChecksum { //nolint:errorlint // returned as it is
		err = nil
	}
	return data, err == nil && len(data) == size
}

func FuzzInflate(f *testing.F) {
	inflate := newInflater(f)
	for _, data := range []string{"", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "The quick brown fox jumps over the lazy dog"} {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(data))
		_ = w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, member []byte) {
		size := 0
		if len(member) >= 4 {
			size = int(binary.LittleEndian.Uint32(member[len(member)-4:]) % (1 << 20))
		}
		compare(t, inflate, member, size)
	})
}
