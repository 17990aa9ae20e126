// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// way is one way to a file: what is done, and the paths by which the reads are told that are below the protected folder.
type way struct {
	name, do string
	want     []string
}

const overlay = "in an overlay"

// The folder that the policy is about is $D/kept; in it is a file.
var ways = []way{
	{"direct", "open $D/kept/file then pread 1 0", paths("$D/kept/file")},
	{"elsewhere", "open $D/other/file then pread 1 0 then open $D/kept-not/file then pread 1 0", nil},
	{"relative", "chdir $D/kept then open file then pread 1 0", paths("$D/kept/file")},
	{"up and down", "open $D/other/../kept/./below/..//file then pread 1 0", paths("$D/kept/file")},
	{"up and away", "open $D/kept/../other/file then pread 1 0", nil},
	{"from a directory", "open $D/kept d then openat below/file then pread 1 0", paths("$D/kept/below/file")},
	{"by a symbolic link", "open $D/other/link then pread 1 0", paths("$D/kept/file")},
	{"by a linked folder", "open $D/other/folder/below/file then pread 1 0", paths("$D/kept/below/file")},
	{"by a link out of it", "open $D/kept/link then pread 1 0", nil},
	{"by a hard link into it", "link $D/other/hard $D/kept/hard then open $D/kept/hard then pread 1 0", paths("$D/kept/hard")},
	{"by another name of the hard link", "open $D/other/hard then pread 1 0", nil},
	{"renamed out of it", "open $D/kept/leaving then pread 1 0 then rename $D/kept/leaving $D/other/left then pread 1 0",
		paths("$D/kept/leaving")},
	{"renamed into it", "open $D/other/coming then pread 1 0 then rename $D/other/coming $D/kept/come then pread 1 0",
		paths("$D/kept/come")},
	{"a folder renamed", "open $D/kept/folder1/file then rename $D/kept/folder1 $D/kept/folder2 then pread 1 0",
		paths("$D/kept/folder2/file")},
	// What was said of a path is remembered; these are others before it is forgotten.
	{"its folder renamed into it", "open $D/other/moving/file then pread 1 0 then rename $D/other/moving $D/kept/moved then pread 1 0",
		paths("$D/kept/moved/file")},
	{"renamed where it lies", "open $D/other/silent then pread 1 0 then rename $D/other/silent $D/other/told-of then pread 1 0",
		paths("$D/other/told-of")},
	{"its mount moved into it", "unshare " +
		newMount + " then mount none / none 0x44000 then mkdir $D/other/leaves then mkdir $D/kept/enters" +
		" then mount none $D/other/leaves tmpfs then open $D/other/leaves/file bc then write x then pread 1 0" +
		" then mount $D/other/leaves $D/kept/enters none 0x2000 then pread 1 0", paths("$D/kept/enters/file")},
	// A process chooses its root: that it is another must neither hide a file nor make it look like another.
	{"its root changed", "open $D/kept/file then pread 1 0 then chroot $D/kept then pread 1 0", paths("$D/kept/file", "$D/kept/file")},
	{"its root changed so that it looks like another", "open $D/root/rooted/file then pread 1 0 then chroot $D/root then pread 1 0", nil},
	{"unlinked after it was read", "open $D/kept/going then pread 1 0 then unlink $D/kept/going then pread 1 0",
		paths("$D/kept/going", "$D/kept/going (deleted)")},
	{"read again", "open $D/kept/file then pread 1 0 then pread 1 0 then open $D/other/file then pread 1 0 then pread 1 0",
		paths("$D/kept/file", "$D/kept/file")},
	{"unlinked", "open $D/kept/gone then unlink $D/kept/gone then pread 1 0", paths("$D/kept/gone (deleted)")},
	{"by its descriptor", "open $D/kept/file then dup-to 9 then open /proc/self/fd/9 then pread 1 0", paths("$D/kept/file")},
	{"by its process's root", "open /proc/self/root$D/kept/file then pread 1 0", paths("$D/kept/file")},
	{"deep", "deep $D/kept 60 then open file bc then write x then pread 1 0", paths("$D/kept/" + levels(60) + "file")},
	{"deeper than long", "deep $D/kept 15 " + strings.Repeat("n", 250) +
		" then open file bc then write x then pread 1 0", paths("$D/kept/nnn*/file")},
	// Of these only the end is known, so they may be what the policy is about.
	{"deeper than is followed", "deep $D/kept 520 then open file bc then write x then pread 1 0", paths("/level*/level520/file")},
	{"deeper than is followed elsewhere", "deep $D/other 520 then open file bc then write x then pread 1 0", paths("/level*/level520/file")},
	{"its mount taken away", "unshare " +
		newMount + " then mount none / none 0x44000 then mount none $D/kept/below tmpfs then open $D/kept/below/file bc then write x" +
		" then umount $D/kept/below then pread 1 0", paths("/file")},
	{"mounted", "unshare " +
		newMount + " then mount none / none 0x44000 then mkdir $D/kept/mounted then mount none $D/kept/mounted tmpfs" +
		" then open $D/kept/mounted/file bc then write x then pread 1 0", paths("$D/kept/mounted/file")},
	{"bound into it", "unshare " +
		newMount + " then mount none / none 0x44000 then bind $D/other $D/kept/below then open $D/kept/below/file then pread 1 0",
		paths("$D/kept/below/file")},
	{"bound, file by file", "unshare " +
		newMount + " then mount none / none 0x44000 then bind $D/other/file $D/kept/file then open $D/kept/file then pread 1 0",
		paths("$D/kept/file")},
	{"seen from a bound folder", "unshare " +
		newMount + " then mount none / none 0x44000 then bind $D/kept $D/other then open $D/other/file then pread 1 0", nil},
	// The kernel asks for the overlay's file, and some kernels for the one below it as well, by the same path.
	{overlay, "unshare " +
		newMount + " then mount none / none 0x44000 then mount none $D/kept/merged overlay 0 lowerdir=$D/lower,upperdir=$D/upper,workdir=$D/work" +
		" then open $D/kept/merged/file b then pread 1 0 then write x then pread 1 0", paths("$D/kept/merged/file")},
	{"in a root of its own",
		"chroot $D/kept then chdir / then open /file then pread 1 0 then chdir /below then open ../below/file then pread 1 0",
		paths("$D/kept/file", "$D/kept/below/file")},
	{"in a root of its own that looks like another", "chroot $D/root then chdir / then open /rooted/file then pread 1 0", nil},
	{"outside of its root", "open $D/kept/file then chroot $D/root then pread 1 0", paths("$D/kept/file")},
}

func paths(all ...string) []string { return all }

func levels(count int) (path string) {
	for i := range count {
		path += "level" + string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10)) + "/"
	}
	return strings.ReplaceAll(path, "level0", "level")
}

func preparePaths(t *testing.T, in string) {
	t.Helper()
	for name := range strings.FieldsSeq("kept kept-not other other/moving kept/below kept/folder1 kept/merged lower upper work root root/rooted") {
		harness.Folder(t, filepath.Join(in, name))
	}
	for name := range strings.FieldsSeq("kept/file kept-not/file kept/below/file kept/leaving kept/gone kept/going other/moving/file other/silent kept/folder1/file other/file other/hard other/coming lower/file root/rooted/file") {
		write(t, filepath.Join(in, name), "text")
	}
	for link, target := range map[string]string{"other/link": in + "/kept/file", "other/folder": "../kept",
		"kept/link": in + "/other/file"} {
		if err := os.Symlink(target, filepath.Join(in, link)); err != nil {
			t.Fatal(err)
		}
	}
}

// pathOf is the path of an event's first argument.
func pathOf(e *event.Event) string { return harness.Hooked(e).Args[0].FileArg.Path }

// TestPaths: a file is told by the path that it has in the mount namespace, whichever way the process went there, and a policy on a
// folder is about what lies in it then.
func TestPaths(t *testing.T) {
	folders := []string{newFolder(t, ""), newFolder(t, disk)}
	policy := row{name: "folder",
		spec: kprobe("security_file_permission", fileAndMask, "matchArgs: ["+filter(0, "Prefix", "$D/kept/",
			"$D/other/told-", "/rooted/")+reading+"]")}
	var steps []harness.Step
	for _, folder := range folders {
		preparePaths(t, folder)
	}
	for _, w := range ways {
		for _, p := range w.places(folders) {
			steps = append(steps, harness.Step{Label: p.label, Do: p.fill(w.do)})
		}
	}
	result := harness.Run(t, policy.policyText(folders...), harness.Options{}, steps...)
	for _, w := range ways {
		for _, p := range w.places(folders) {
			t.Run(p.label, func(t *testing.T) {
				var got []string
				for _, e := range result.Of(policy.name, p.label) {
					got = append(got, pathOf(e))
				}
				if w.name == overlay {
					got = slices.Compact(got)
				}
				compare(t, got, p.filled(w.want))
			})
		}
	}
}

func (w *way) places(folders []string) []place {
	r := row{name: strings.NewReplacer(" ", "-", ",", "").Replace(w.name)}
	return r.places(folders)
}

// TestUring: what goes through io_uring is seen by programs at functions; hello says where it is not.
func TestUring(t *testing.T) {
	const unseen = "io_uring is not seen"
	folder := newFolder(t, "")
	write(t, folder+"/file", "text")
	rows := []row{
		{name: "uring-permission", spec: kprobe("security_file_permission", fileAndMask, matchArgs(0, "Equal", "$D/file")),
			do:   []string{"uring-open $D/file then uring-read 4 then uring-write x"},
			want: []string{"file $D/file -rw-r--r--, int 4", "file $D/file -rw-r--r--, int 2"}},
		{name: "uring-open", spec: kprobe("security_file_open", "{index: 0, type: file}", matchArgs(0, "Equal", "$D/file")),
			do: []string{"uring-open $D/file"}, want: []string{"file $D/file -rw-r--r--"}},
		// Only a kprobe sees the registers.
		{name: "uring-by-kprobe",
			spec: kprobe("security_file_permission", fileAndMask, matchArgs(0, "Equal", "$D/file")) +
				"\n  data: [{source: pt_regs, type: uint64, resolve: ip}]",
			refused: "does not see the registers", do: []string{"uring-open $D/file then uring-read 4"},
			want: []string{"file $D/file -rw-r--r--, int 4, data size *"}},
	}
	for i := range rows {
		if !harness.Prevents() && rows[i].refused == "" {
			rows[i].want = nil
		}
	}
	result := runBatch(t, harness.Options{}, []string{folder}, rows)
	for i := range rows {
		h, _ := result.Hook(rows[i].name)
		says := slices.ContainsFunc(h.Notes, func(n string) bool { return strings.Contains(n, unseen) })
		if h.Refused == "" && says != (h.Via != "") {
			t.Errorf("%s, via %q, has notes %q", h.Name, h.Via, h.Notes)
		}
		if h.Refused == "" && rows[i].refused != "" && h.Tier != "kprobe" {
			t.Errorf("%s is served by tier %s", h.Name, h.Tier)
		}
	}
}
