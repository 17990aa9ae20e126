// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"runtime"
	"testing"
)

func TestDetectLocale(t *testing.T) {
	for _, c := range []struct {
		name  string
		env   map[string]string
		emoji When
		want  Capabilities
	}{
		{"C", map[string]string{"LANG": "C"}, WhenAuto, Capabilities{}},
		{"nothing set", nil, WhenAuto, Capabilities{}},
		{"UTF-8", map[string]string{"LANG": "de_DE.UTF-8"}, WhenAuto, Capabilities{UTF8: true, Emoji: true}},
		{"utf8", map[string]string{"LANG": "C.utf8"}, WhenAuto, Capabilities{UTF8: true, Emoji: true}},
		{"LC_ALL over LANG", map[string]string{"LC_ALL": "C", "LANG": "en_US.UTF-8"}, WhenAuto, Capabilities{}},
		{"LC_CTYPE over LANG", map[string]string{"LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, WhenAuto, Capabilities{UTF8: true, Emoji: true}},
		{"empty is not set", map[string]string{"LC_ALL": "", "LANG": "en_US.UTF-8"}, WhenAuto, Capabilities{UTF8: true, Emoji: true}},
		{"never", map[string]string{"LANG": "en_US.UTF-8"}, WhenNever, Capabilities{UTF8: true}},
		{"always", map[string]string{"LANG": "C"}, WhenAlways, Capabilities{UTF8: true, Emoji: true}},
	} {
		if runtime.GOOS == "windows" && c.env == nil {
			continue // Windows has no locale variables
		}
		if got := Detect(&bytes.Buffer{}, func(k string) string { return c.env[k] }, WhenAuto, c.emoji); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestParseWhen(t *testing.T) {
	for in, want := range map[string]When{"": WhenAuto, "auto": WhenAuto, "always": WhenAlways, "never": WhenNever} {
		if got, err := ParseWhen(in); got != want || err != nil {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	if _, err := ParseWhen("yes"); err == nil {
		t.Error("yes: no error")
	}
}
