// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that goes on when it fails, and keeps what it says.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Errorf(format string, a ...any) { r.said += fmt.Sprintf(format, a...) }

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "file")
	*update = true
	Check(t, path, "a\nb\nc\n")
	*update = false
	if content, err := os.ReadFile(path); err != nil || string(content) != "a\nb\nc\n" {
		t.Fatalf("written: %q, %v", content, err)
	}
	for got, want := range map[string]string{
		"a\nb\nc\n":    "",
		"a\nx\nc\n":    "line 2 on (go test -update writes it anew); got:\nx\nc\n\nwant:\nb\nc\n",
		"a\nb\n":       "line 3 on (go test -update writes it anew); got:\n\nwant:\nc\n",
		"a\nb\nc":      "line 3 on (go test -update writes it anew); got:\nc\nwant:\nc\n",
		"a\nb\nc\nd\n": "line 4 on (go test -update writes it anew); got:\nd\n\nwant:\n",
		"":             "line 1 on (go test -update writes it anew); got:\n\nwant:\na\nb\nc\n",
	} {
		r := &recorder{TB: t}
		Check(r, path, []byte(got))
		if (r.said == "") != (want == "") || !strings.HasSuffix(r.said, want) {
			t.Errorf("%q: said %q, want %q at the end", got, r.said, want)
		}
	}
}
