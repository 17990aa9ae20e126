// SPDX-License-Identifier: Apache-2.0

//go:build linux

package field

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// killed is the status of a process that SIGKILL ended.
const killed = 128 + int(unix.SIGKILL)

// enforced are scenes of policies that stop something.
var enforced = []scene{
	{name: "guarded-files", status: []int{killed}, do: []string{
		"open $D/secret then read 5 then write never",
		"open $D/watched/a b then write x then open $D/public b then write never",
		"open $D/public b then read 5 then write x then mmap rw then open $D/watched/a b then mmap rw then truncate $D/watched/a 3 then exit 5",
	}, want: []string{
		"security_file_permission: file $D/secret -rw-r--r--, int 4* SIGKILL",
		"security_file_permission: file $D/watched/a -rw-r--r--, int 2* SIGKILL",
		"security_path_truncate: path $D/watched/a* SIGKILL",
	}},
	{name: "one-destination", do: []string{
		"network fd00::1 then listen 127.0.0.1 4001 then connect 127.0.0.1 4001 then exec $D/program $L listen 127.0.0.1 4000 and connect 127.0.0.1 4000 and connect-udp fd00::1 5",
		"traced: network fd00::1 then exec $D/program $L expect EPERM connect 127.0.0.1 4001 and expect EPERM connect fd00::1 4000",
		"equal: network fd00::1 then exec $D/program $L try connect 127.0.0.1 4001 and try connect fd00::1 4000",
	}, want: []string{
		"security_socket_connect: sock *, sockaddr AF_INET 127.0.0.1:4000, int 16",
		"traced: security_socket_connect: sock *, sockaddr AF_INET 127.0.0.1:4001, int 16 OVERRIDE",
		"traced: security_socket_connect: sock *, sockaddr AF_INET6 fd00::1:4000, int 28 OVERRIDE",
		"equal: security_socket_connect: sock *, sockaddr AF_INET 127.0.0.1:4001, int 16 not OVERRIDE",
		"equal: security_socket_connect: sock *, sockaddr AF_INET6 fd00::1:4000, int 28 not OVERRIDE",
	}},
	// None of the kernels of the matrix lets the results of system calls be replaced.
	{name: "no-links", do: []string{`call 266 "$D/secret -100 "$D/made then call 266 "$D/public -100 "$D/other`}, want: []string{
		"__x64_sys_symlinkat: string $D/secret, int -100, string $D/made not OVERRIDE",
	}},
	{name: "no-entering", status: []int{killed}, do: []string{
		"open $D/public then unshare " + newPID + " then fork then open $D/public then fork then open $D/public",
		"unshare " + newPID + " then init then fork then open $D/secret p then open $D/public then exit 5",
	}, want: []string{
		"traced: security_file_open: file $D/public -rw-r--r-- SIGKILL",
		"equal: security_file_open: file $D/public -rw-r--r-- SIGKILL not OVERRIDE",
	}},
	{name: "no-writing", status: []int{killed}, do: []string{
		"open $D/public b then write x then close",
		"open $D/forbidden/a b then close then open $D/forbidden/a b then write y then exit 5",
		"unshare " + newPID + " then fork then open $D/forbidden/b b then write z",
	}, want: []string{
		"fd_install: int *, file $D/forbidden/a -rw-r--r-- FOLLOWFD",
		"__x64_sys_close: int * UNFOLLOWFD",
		"fd_install: int *, file $D/forbidden/a -rw-r--r-- FOLLOWFD",
		"__x64_sys_write: file $D/forbidden/a -rw-r--r--, bytes y, size 1 SIGKILL",
	}},
	{name: "no-powerful-programs", status: []int{killed}, do: []string{
		"exec $D/program $L nothing",
		"unshare " + newUser + " then capset 0x200000 0x200000 0x200000 then prctl 47 2 21 then exec $D/program $L exit 5", // ambient
	}, want: []string{"sched/sched_process_exec: binprm $D/program -rwxr-xr-x SIGKILL"}},
	// The program ends with a status if it does not find the answer that it is told to expect.
	{name: "answers-set", do: []string{
		"exec $D/program $L probe 4 32 and probe 5 32", "exec $D/other $L probe 4 5",
	}, want: []string{"provoke:hit: long 4, int 5 SET", "provoke:hit: long 5, int 5 SET"}},
	{name: "no-copies", status: []int{killed}, do: []string{
		"open $D/public then dup-to 90 then exec $D/program $L open $D/public and call dup3 3 90 0",
		"exec $D/program $L open $D/public and dup-to 90 and exit 5",
	}, want: []string{`raw_syscalls/sys_enter: {"syscall_id":{"id":33,"abi":"x64"}} NOTIFYENFORCER`},
		refused: map[string]string{"enforcer sys_dup": notThere, "enforcer sys_dup2": notThere, "enforcer i386/sys_dup": notThere}},
}

const notThere = "everywhere: signals are sent where the notification comes from"

// TestEnforced: what policies forbid does not happen or ends who does it, and what they allow happens.
func TestEnforced(t *testing.T) {
	folder := newFolder(t, "")
	harness.Folder(t, filepath.Join(folder, "forbidden"))
	copyFile(t, harness.Provoke(t), filepath.Join(folder, "other"))
	for _, name := range []string{"forbidden/a", "forbidden/b"} {
		write(t, filepath.Join(folder, name), "what is in it\n", 0o644)
	}
	scenes := slices.Clone(enforced)
	if i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == "answers-set" }); harness.LockedDown(t) {
		scenes[i].do, scenes[i].want = nil, nil
		scenes[i].refused = map[string]string{folder + "/program:provoke:hit": "everywhere: kernel is locked down"}
	}
	play(t, harness.Options{Enforce: true}, folder, scenes)
	cut := "what is in it\n"
	if !harness.Prevents() {
		cut = "wha" // who is killed has cut it before
	}
	for name, want := range map[string]string{
		"watched/a": cut, "forbidden/a": "what is in it\n", "forbidden/b": "zhat is in it\n", "public": "xhat xs in it\n",
	} {
		if content, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(content) != want {
			t.Errorf("%s holds %q, %v; want %q", name, content, err, want)
		}
	}
}
