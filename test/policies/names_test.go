// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// inMounts makes mounts of the process's own, so that $D/bound is $D/other.
const inMounts = "unshare " + newMount + " then mount none / none 0x44000 then bind $D/other $D/bound then "

// below is a policy on the names below two folders, asked by the argument of an index.
func below(call, args string, index int) string {
	return kprobe(call, args, matchArgs(index, "Prefix", "$D/kept/", "$D/bound/"))
}

const directoryAndName = "{index: 0, type: path}, {index: 1, type: dentry}"

// What a system call was asked for and what it changed is told by the path in the mount namespace, in a bound folder too, and whatever
// root the process has. The
// modes are those of files that are there; tracepoints do not see them.
var names = []row{
	{name: "unlink", spec: below("security_path_unlink", directoryAndName, 1),
		do:        []string{inMounts + "unlink $D/kept/file then unlink $D/other/file then unlink $D/bound/file2 then chdir $D/kept then unlink ./file3 then try unlink nothing"},
		want:      paths("path $D/kept drwxr-xr-x, path $D/kept/file -rw-r--r--", "path $D/bound drwxr-xr-x, path $D/bound/file2 -rw-r--r--", "path $D/kept drwxr-xr-x, path $D/kept/file3 -rw-r--r--"),
		wantEqual: paths("path $D/kept, path $D/kept/file", "path $D/bound, path $D/bound/file2", "path $D/kept, path $D/kept/file3")},
	{name: "unlink-in-a-root-of-its-own", spec: below("security_path_unlink", directoryAndName, 1),
		do:        []string{"chroot $D/kept then chdir / then unlink /file5 then unlink file6", "chroot $D/other then unlink /kept/file7"},
		want:      paths("path $D/kept drwxr-xr-x, path $D/kept/file5 -rw-r--r--", "path $D/kept drwxr-xr-x, path $D/kept/file6 -rw-r--r--"),
		wantEqual: paths("path $D/kept, path $D/kept/file5", "path $D/kept, path $D/kept/file6")},
	{name: "unlink-denied", spec: below("security_path_unlink", directoryAndName, 1),
		do:        []string{"chmod $D/kept 0755 then setresuid 7 7 7 then try unlink $D/kept/not-his"},
		want:      paths("path $D/kept drwxr-xr-x, path $D/kept/not-his -rw-r--r--"),
		wantEqual: paths("path $D/kept, path $D/kept/not-his")},
	{name: "mkdir", spec: below("security_path_mkdir", directoryAndName+", {index: 2, type: uint32}", 1),
		do:        []string{inMounts + "mkdir $D/kept/made then mkdir $D/made then mkdir $D/bound/made then mkdir $D/kept/made/deep/"},
		want:      paths("path $D/kept drwxr-xr-x, path $D/kept/made, uint 493", "path $D/bound drwxr-xr-x, path $D/bound/made, uint 493", "path $D/kept/made drwxr-xr-x, path $D/kept/made/deep, uint 493"),
		wantEqual: paths("path $D/kept, path $D/kept/made, uint 493", "path $D/bound, path $D/bound/made, uint 493", "path $D/kept/made, path $D/kept/made/deep, uint 493")},
	{name: "rmdir", spec: below("security_path_rmdir", directoryAndName, 1),
		do:        []string{"chdir $D/kept then rmdir folder then rmdir $D/other/folder"},
		want:      paths("path $D/kept drwxr-xr-x, path $D/kept/folder drwxr-xr-x"),
		wantEqual: paths("path $D/kept, path $D/kept/folder")},
	{name: "mknod", spec: below("security_path_mknod", directoryAndName+", {index: 2, type: uint32}", 1),
		do:        []string{"mkfifo $D/kept/fifo then mkfifo $D/other/fifo"},
		want:      paths("path $D/kept drwxr-xr-x, path $D/kept/fifo, uint 45*"),
		wantEqual: paths("path $D/kept, path $D/kept/fifo, uint 45*")},
	{name: "symlink", spec: below("security_path_symlink", directoryAndName+", {index: 2, type: string}", 1),
		do:        []string{"symlink ../target $D/kept/symbolic then symlink $D/kept/file $D/other/symbolic"},
		want:      paths("path $D/kept drwxr-xr-x, path $D/kept/symbolic, string ../target"),
		wantEqual: paths("path $D/kept, path $D/kept/symbolic, string ../target")},
	{name: "link-from", spec: below("security_path_link", "{index: 0, type: dentry}, {index: 1, type: path}, {index: 2, type: dentry}", 0),
		do:        []string{"link $D/kept/linked $D/other/hard then link $D/other/linked $D/kept/hard"},
		want:      paths("path $D/kept/linked -rw-r--r--, path $D/other drwxr-xr-x, path $D/other/hard"),
		wantEqual: paths("path $D/kept/linked, path $D/other, path $D/other/hard")},
	{name: "link-to", spec: below("security_path_link", "{index: 0, type: dentry}, {index: 1, type: path}, {index: 2, type: dentry}", 2),
		do:        []string{"link $D/kept/linked $D/other/hard2 then link $D/other/linked $D/kept/hard2"},
		want:      paths("path $D/other/linked -rw-r--r--, path $D/kept drwxr-xr-x, path $D/kept/hard2"),
		wantEqual: paths("path $D/other/linked, path $D/kept, path $D/kept/hard2")},
	{name: "rename-from", spec: below("security_path_rename", directoryAndName+", {index: 2, type: path}, {index: 3, type: dentry}", 1),
		do:        []string{"rename $D/kept/going $D/other/gone then rename $D/other/coming $D/kept/came then chdir $D/kept then rename going2 gone2"},
		want:      paths("path $D/kept drwxr-xr-x, path $D/kept/going -rw-r--r--, path $D/other drwxr-xr-x, path $D/other/gone", "path $D/kept drwxr-xr-x, path $D/kept/going2 -rw-r--r--, path $D/kept drwxr-xr-x, path $D/kept/gone2"),
		wantEqual: paths("path $D/kept, path $D/kept/going, path $D/other, path $D/other/gone", "path $D/kept, path $D/kept/going2, path $D/kept, path $D/kept/gone2")},
	{name: "rename-to", spec: below("security_path_rename", "{index: 3, type: dentry}", 3),
		do:        []string{inMounts + "rename $D/other/coming2 $D/kept/came2 then rename $D/kept/staying $D/other/left"}, // the first crosses no mount: $D/other itself is none
		want:      paths("path $D/kept/came2"),
		wantEqual: paths("path $D/kept/came2")},
	{name: "chmod", spec: below("security_path_chmod", "{index: 0, type: path}, {index: 1, type: uint16}", 0),
		do:        []string{"chmod $D/kept/changed 0600 then chmod $D/other/file4 0600"},
		want:      paths("path $D/kept/changed -rw-r--r--, uint 384"),
		wantEqual: paths("path $D/kept/changed, uint 384")},
}

func TestNames(t *testing.T) {
	runRows(t, harness.Options{}, names, func(folder string) {
		for name := range strings.FieldsSeq("kept other bound kept/folder other/folder other/kept") {
			harness.Folder(t, filepath.Join(folder, name))
		}
		for name := range strings.FieldsSeq("kept/file kept/file3 kept/file5 kept/file6 other/kept/file7 kept/not-his kept/linked kept/going kept/going2 kept/staying kept/changed " +
			"other/file other/file2 other/file4 other/linked other/coming other/coming2") {
			write(t, filepath.Join(folder, name), "text")
		}
	})
}
