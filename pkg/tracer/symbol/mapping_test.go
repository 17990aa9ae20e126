// SPDX-License-Identifier: Apache-2.0

package symbol

import (
	"strings"
	"testing"
)

func TestMappings(t *testing.T) {
	const list = `00400000-00452000 r-xp 00001000 08:02 173521                             /usr/bin/dbus-daemon
00651000-00652000 r--p 00051000 08:02 173521                             /usr/bin/with blank (deleted)
7f1000-7f2000 rw-p 00000000 00:00 0
7ffd1000-7ffd2000 r-xp 00000000 00:00 0                                  [vdso]
7ffd2000-7ffd3000 r-xp 00000000 00:01 5                                  /memfd:a\012b (deleted)
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`
	addresses := []uint64{0x7ffd2fff, 0x400000, 0x451fff, 0x452000, 0x651001, 0x7f1000, 0x7ffd1001, 0, ^uint64(0), 0xffffffffff600000}
	found, err := findMappings(strings.NewReader(list), addresses)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"/memfd:a\nb file", "/usr/bin/dbus-daemon file", "/usr/bin/dbus-daemon file", "", "/usr/bin/with blank file", "", "[vdso]", "", "", "[vsyscall]"} {
		got := ""
		if m := found[i]; m != nil {
			got = m.path
			if m.file() {
				got += " file"
			}
		}
		if got != want {
			t.Errorf("%#x: %q, want %q", addresses[i], got, want)
		}
	}
	if m := found[1]; *m != (mapping{0x400000, 0x452000, 0x1000, "08:02", 173521, "/usr/bin/dbus-daemon"}) || m.link() != "400000-452000" {
		t.Errorf("%+v", m)
	}
	if found[5] == nil || found[5].inode != 0 {
		t.Errorf("%+v", found[5])
	}
	for _, bad := range []string{"x", "1-2 r-xp 0 0:0", "1-2 r-xp 0 0:0 x", "2-1 r-xp 0 0:0 0", "1 r-xp 0 0:0 0", "1-g r-xp 0 0:0 0"} {
		if _, err := findMappings(strings.NewReader(bad+"\n"), []uint64{1}); err == nil {
			t.Errorf("%q is a mapping", bad)
		}
	}
	// Not more is read than is needed.
	if _, err := findMappings(strings.NewReader("1000-2000 r-xp 0 0:0 0\nx\n"), []uint64{0x1000}); err != nil {
		t.Error(err)
	}
}

// FuzzMappings: a process chooses the names in its list.
func FuzzMappings(f *testing.F) {
	f.Add("1000-2000 r-xp 0 0:0 7 /a\n2000-3000 r-xp 0 0:0 0 [b]\n", uint64(0x1000), uint64(0x2fff))
	f.Fuzz(func(t *testing.T, list string, a, b uint64) {
		addresses := []uint64{a, b}
		found, err := findMappings(strings.NewReader(list), addresses)
		for i, m := range found {
			if err == nil && m != nil && (addresses[i] < m.start || addresses[i] >= m.end) {
				t.Errorf("%#x in %+v", addresses[i], m)
			}
		}
	})
}
