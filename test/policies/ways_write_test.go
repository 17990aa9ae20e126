// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

const (
	whyLink  = "the file has a name that no policy is about, from before: a path says nothing of it"
	whyBound = "the mount gives the file another path; it takes CAP_SYS_ADMIN"
	whyUring = "no tracepoint tells of what io_uring does"
)

const ownMounts = "unshare " + newMount + " then mount none / none 0x44000 then "

// waysToWrite are ways to change what `enforce --deny-write` protects. In do, W is a folder below the protected one, with what
// prepareChange makes, and O one that is not protected.
var waysToWrite = []attempt{
	{way: "write", do: "try open W/file w then try write X", full: denied, seen: mayHappen},
	{way: "pwrite", do: "try open W/file w then try pwrite X 0", full: denied, seen: mayHappen},
	{way: "writev, pwritev", do: "try open W/file w then try writev X Y then try pwritev X Y", full: denied, seen: mayHappen},
	{way: "sendfile", do: "try open W/file w then try sendfile O/source 3", full: denied, seen: mayHappen},
	{way: "copy_file_range", do: "try open W/file w then try copy O/source 3", full: denied, seen: mayHappen},
	{way: "splice", do: "try open W/file w then try splice O/source 3", full: denied, seen: mayHappen},
	{way: "io_submit", do: "try open W/file w then try aio-write X", full: denied, seen: open, seenWhy: "the files are named in the memory of the program, any number of them"},
	{way: "io_uring", do: "try open W/file w then try uring-write X", full: denied, seen: open, seenWhy: whyUring},
	{way: "O_TRUNC", do: "try open W/file wt", full: denied, seen: mayHappen},
	{way: "creat of a file that is there", do: "try creat W/file", full: denied, seen: mayHappen},
	{way: "creat of a new file", do: "try creat W/new", full: denied, seen: mayHappen},
	{way: "openat2 with O_TRUNC", do: "try openat2 W/file t", full: denied, seen: open, seenWhy: "its flags are in the memory of the program, which may change them meanwhile"},
	{way: "truncate", do: "try truncate W/file 3", full: denied, seen: mayHappen},
	{way: "ftruncate", do: "try open W/file w then try ftruncate 3", full: denied, seen: mayHappen},
	{way: "fallocate", do: "try open W/file w then try fallocate 9999", full: denied, seen: mayHappen},
	{way: "rename over it", do: "try rename O/source W/file", full: denied, seen: mayHappen},
	{way: "rename away", do: "try rename W/file O/gone", full: denied, seen: mayHappen},
	{way: "link into it", do: "try link O/source W/linked", full: denied, seen: mayHappen},
	{way: "link out of it, and write by that name", do: "try link W/file O/out then try open O/out w then try write X", full: denied, seen: mayHappen},
	{way: "unlink", do: "try unlink W/file", full: denied, seen: mayHappen},
	{way: "symlink", do: "try symlink /etc W/symbolic", full: denied, seen: mayHappen},
	{way: "mkdir", do: "try mkdir W/made", full: denied, seen: mayHappen},
	{way: "rmdir", do: "try rmdir W/empty", full: denied, seen: mayHappen},
	{way: "mknod", do: "try mkfifo W/fifo", full: denied, seen: mayHappen},
	{way: "chmod", do: "try chmod W/file 0777", full: denied, seen: mayHappen},
	{way: "fchmod", do: "try open W/file then try fchmod 0777", full: denied, seen: mayHappen},
	{way: "chown", do: "try chown W/file 7 7", full: denied, seen: mayHappen},
	{way: "fchown", do: "try open W/file then try fchown 7 7", full: denied, seen: mayHappen},
	{way: "utimes", do: "try utimes W/file", full: denied, seen: mayHappen},
	{way: "setxattr (file capabilities, ACLs)", do: "try setxattr W/file trusted.new v", full: denied, seen: mayHappen},
	{way: "fsetxattr", do: "try open W/file then try fsetxattr trusted.new v", full: denied, seen: mayHappen},
	{way: "removexattr", do: "try removexattr W/file trusted.old", full: denied, seen: mayHappen},
	{way: "FS_IOC_SETFLAGS", do: "try open W/file then try set-flags 0x40", full: denied, seen: mayHappen, needs: "flags of files"},
	{way: "FICLONE", do: "try open W/file w then try clone O/source", full: denied, seen: mayHappen, needs: "a file system that clones"},
	{way: "a shared mapping", do: "try open W/file b then try map-store", full: denied, seen: mayHappen},
	{way: "a shared mapping that mprotect makes writable", do: "try open W/file b then try protect-store", full: denied, seen: open, seenWhy: "the call names addresses, and no tracepoint what is mapped there"},
	{way: "process_vm_writev", do: "try open W/file b then try write-into", full: denied, seen: mayHappen},
	{way: "/proc/self/fd", do: "try open W/file then try dup-to 9 then try open /proc/self/fd/9 w then try write X", full: denied, seen: mayHappen},
	{way: "/proc/self/root", do: "try open /proc/self/root/W/file w then try write X", full: denied, seen: mayHappen},
	{way: "..  and //", do: "try open O/../../kept//.//N/file w then try write X", full: denied, seen: mayHappen},
	{way: "chroot, and write there", do: "chroot W then try open /file w then try write X", full: denied, seen: mayHappen},
	{way: "chroot, and unlink there", do: "chroot W then try unlink /file", full: denied, seen: mayHappen},
	{way: "a hard link from before", do: "try open O/hard w then try write X", full: open, fullWhy: whyLink, seen: open, seenWhy: whyLink},
	{way: "a bind mount of it elsewhere", do: ownMounts + "bind W O/bound then try open O/bound/file w then try write X", full: open, fullWhy: whyBound, seen: open, seenWhy: whyBound},
	{way: "a mount over it", do: ownMounts + "mount none W tmpfs then creat O/witness", full: denied, seen: mayHappen},
	{way: "int 0x80: write", do: "try open W/file w then try write-32 X", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "int 0x80: unlink", do: "try unlink-32 W/file", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "int 0x80: rename", do: "try rename-32 O/source W/file", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "int 0x80: renameat", do: "open W d then try renameat-32 file O/gone", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
}

func prepareChange(t *testing.T, base string, n int) {
	t.Helper()
	protected, other := filepath.Join(base, "kept", strconv.Itoa(n)), filepath.Join(base, "other", strconv.Itoa(n))
	for _, folder := range []string{protected, other, filepath.Join(protected, "empty"), filepath.Join(other, "bound")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(protected, "file")
	write(t, file, original)
	write(t, filepath.Join(other, "source"), "source")
	if err := unix.Setxattr(file, "trusted.old", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(file, filepath.Join(other, "hard")); err != nil {
		t.Fatal(err)
	}
}

// fsIOCGetFlags is FS_IOC_GETFLAGS, include/uapi/linux/fs.h.
const fsIOCGetFlags = 0x80086601

// state is all that there is to know of the files of a folder, but for when they were read and how many names they have.
func state(t *testing.T, folder string) string {
	t.Helper()
	var all bytes.Buffer
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var s unix.Stat_t
		if err := unix.Lstat(path, &s); err != nil {
			return err
		}
		names := make([]byte, 4096)
		size, _ := unix.Llistxattr(path, names)
		fmt.Fprintf(&all, "%s %o %d:%d %d %d %d %q", path, s.Mode, s.Uid, s.Gid, s.Size, s.Ino, s.Mtim.Nano(), names[:max(size, 0)])
		if s.Mode&unix.S_IFMT == unix.S_IFREG {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			flags := 0
			if f, err := os.Open(path); err == nil {
				flags, _ = unix.IoctlGetInt(int(f.Fd()), fsIOCGetFlags)
				f.Close()
			}
			fmt.Fprintf(&all, " %x %x", sha256.Sum256(content), flags)
		}
		all.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// changed runs all ways in a folder of its own, under the policy of --deny-write that is armed or not, and says of each what it did.
func changed(t *testing.T, in string, armed bool, d compose.Denial) (did []outcome) {
	t.Helper()
	base := newFolder(t, in)
	text, err := compose.YAML(compose.DenyWrite([]string{filepath.Join(base, "kept")}, d))
	if err != nil {
		t.Fatal(err)
	}
	o := harness.Options{Enforce: armed, Allowed: map[string][]int{}}
	var steps []harness.Step
	var before []string
	for n := range waysToWrite {
		prepareChange(t, base, n)
		before = append(before, state(t, filepath.Join(base, "kept", strconv.Itoa(n))))
		label := strconv.Itoa(n)
		o.Allowed[label] = anyStatus
		steps = append(steps, harness.Step{Label: label, Do: waysToWrite[n].fill(places(base, n))})
	}
	result := harness.Run(t, string(text), o, steps...)
	for n := range waysToWrite {
		_, err := os.Stat(filepath.Join(base, "other", strconv.Itoa(n), "witness"))
		witnessed := err == nil // of what only its process sees
		status := result.Status[strconv.Itoa(n)]
		switch {
		case slices.Contains(status, killed):
			did = append(did, mayHappen)
		case witnessed || state(t, filepath.Join(base, "kept", strconv.Itoa(n))) != before[n]:
			did = append(did, open)
		default:
			did = append(did, denied)
		}
	}
	return did
}

// TestWaysToWrite: what docs/enforce.md says of every way to change what --deny-write protects is so, on a tmpfs, on a disk and on an
// overlay. That a way is one is seen in a run that denies nothing.
func TestWaysToWrite(t *testing.T) {
	full := harness.FullTier(t)
	for name, folder := range map[string]func(*testing.T) string{
		"tmpfs": func(*testing.T) string { return "" }, "disk": func(*testing.T) string { return disk }, "overlay": onOverlay,
	} {
		if testing.Short() && name == "tmpfs" {
			continue // an emulated processor takes a minute for it, and names and calls are the same
		}
		t.Run(name, func(t *testing.T) {
			in := folder(t)
			free := changed(t, in, false, compose.Denial{Kill: !full})
			did := changed(t, in, true, compose.Denial{Kill: !full})
			compareWays(t, waysToWrite, full, free, did)
		})
	}
}
