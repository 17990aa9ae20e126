// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzRead: no file makes the reader, the check or the repair panic, and reading comes to an end.
func FuzzRead(f *testing.F) {
	var whole, plain bytes.Buffer
	for _, out := range []*bytes.Buffer{&whole, &plain} {
		w, err := NewWriter(out, manifest(), out == &plain)
		if err != nil {
			f.Fatal(err)
		}
		for number := 1; number <= 3; number++ {
			if err := errors.Join(w.Add(execLine("n1", number)), w.CloseFrame()); err != nil {
				f.Fatal(err)
			}
		}
		if _, err := w.Finish(totals(3)); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
	}
	f.Add([]byte(`{"process_exec":{},"node_name":"n"}` + "\n"))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Add(appendSeekTable(nil, []frameSize{{1, 2}}))
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = Verify(name)
		_, _ = Repair(name, name+Suffix)
		r, err := Open(name)
		if err != nil {
			return
		}
		defer r.Close()
		if frames, _, err := r.Index(); err == nil && len(frames) > 0 {
			if err := r.Seek(len(frames)-1, frames[len(frames)-1]); err != nil {
				t.Fatal(err)
			}
		}
		for blocks := 0; ; blocks++ {
			if _, err := r.Next(); err != nil {
				if _, damaged := errors.AsType[*FrameError](err); !damaged {
					return
				}
			}
			if blocks > len(text) {
				t.Fatal("reading does not end")
			}
		}
	})
}
