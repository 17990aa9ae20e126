// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// disk is a folder that is no tmpfs, on every machine that runs these tests.
const disk = "/var/tmp"

// killed is the status of a process that SIGKILL ended.
const killed = 128 + int(unix.SIGKILL)

// enforcement is a row of which the policy stops something.
type enforcement struct {
	row
	// seen is what is done instead of do where nothing can be denied, and wantSeen what comes of it; nil: the same.
	seen, wantSeen []string
	// tells is that hello says that the hook prevents, where it can; else it only kills.
	prevents bool
	// files are what must be in files afterwards, where it is prevented; where it is not, in those of filesSeen.
	files, filesSeen map[string]string
}

const (
	override = "matchActions: [{action: Override, argError: -1}]"
	sigkill  = "matchActions: [{action: Sigkill}]"
	original = "original"
)

// protected is a spec of a function of the security modules, for one file.
func protected(function, args, file, more, actions string) string {
	return kprobe(function, args, "matchArgs: ["+filter(0, "Equal", file)+more+"]\n    "+actions)
}

var writing, reading = ", " + filter(1, "Equal", "2"), ", " + filter(1, "Equal", "4")

const fileAndMask = "{index: 0, type: file}, {index: 1, type: int}"

var enforcements = []enforcement{
	{row: row{name: "override-write", spec: protected("security_file_permission", fileAndMask, "$D/written", writing, override),
		shown: withActions,
		do: []string{"open $D/written b then expect EPERM write x then expect EPERM pwrite x 0 then expect EPERM writev x y then expect EPERM pwritev x y" +
			" then expect EPERM sendfile $D/source 3 then expect EPERM copy $D/source 3 then expect EPERM splice $D/source 3"},
		want: repeated("file $D/written -rw-r--r--, int 2 OVERRIDE", 7)},
		seen:     []string{"open $D/written b then write x"},
		wantSeen: []string{"file $D/written -rw-r--r--, int 2 POST would OVERRIDE"}, prevents: true,
		files: map[string]string{"written": original}, filesSeen: map[string]string{"written": "xriginal"}},
	{row: row{name: "override-read", spec: protected("security_file_permission", fileAndMask, "$D/read", reading, override),
		shown: withActions,
		do:    []string{"open $D/read then expect EPERM read 5 then expect EPERM pread 5 0 then expect EPERM readv 5 then expect EPERM preadv 5 then shared-read"},
		want:  repeated("file $D/read -rw-r--r--, int 4 OVERRIDE", 5)},
		seen: []string{"open $D/read then read 5"}, wantSeen: []string{"file $D/read -rw-r--r--, int 4 POST would OVERRIDE"},
		prevents: true},
	{row: row{name: "override-truncate",
		spec: protected("security_path_truncate", "{index: 0, type: path}", "$D/truncated", "", override), shown: withActions,
		do:   []string{"expect EPERM truncate $D/truncated 3 then open $D/truncated b then expect EPERM ftruncate 3 then expect EPERM open $D/truncated wt"},
		want: repeated("path $D/truncated -rw-r--r-- OVERRIDE", 3)},
		seen:     []string{"truncate $D/truncated 8 then open $D/truncated b then ftruncate 8"},
		wantSeen: []string{"path $D/truncated POST would OVERRIDE", "path $D/truncated -rw-r--r-- POST would OVERRIDE"}, prevents: true,
		files: map[string]string{"truncated": original}},
	{row: row{name: "override-open", spec: protected("security_file_open", "{index: 0, type: file}", "$D/opened", "", override),
		shown: withActions,
		do:    []string{"expect EPERM open $D/opened then expect EPERM openold $D/opened then expect EPERM openat $D/opened w"},
		want:  repeated("file $D/opened -rw-r--r-- OVERRIDE", 3)},
		seen: []string{"open $D/opened"}, wantSeen: []string{"file $D/opened -rw-r--r-- POST would OVERRIDE"}, prevents: true,
		files: map[string]string{"opened": original}},
	{row: row{name: "override-exec",
		spec: kprobe("security_bprm_check", "{index: 0, type: linux_binprm}", "matchArgs: ["+filter(0, "Equal",
			"$D/executed")+"]\n    "+override), shown: withActions,
		do: []string{"expect EPERM exec $D/executed $L creat $D/made"}, want: []string{"binprm $D/executed -rwxr-xr-x OVERRIDE"}},
		seen: []string{"nothing"}, wantSeen: none(), prevents: true, files: map[string]string{"made": ""}},
	{row: row{name: "override-unlink",
		spec: kprobe("security_inode_unlink", "{index: 1, type: dentry}", "matchArgs: ["+filter(1, "Postfix",
			"/kept")+"]\n    "+override), shown: withActions, refused: noTracepoint,
		do:   []string{"expect EPERM unlink $D/kept then expect EPERM unlink $D/kept"},
		want: repeated("path *kept -rw-r--r-- OVERRIDE", 2)}, seen: []string{"nothing"}, prevents: true,
		files: map[string]string{"kept": original}},

	{row: row{name: "kill-write", spec: protected("security_file_permission", fileAndMask, "$D/killed", writing, sigkill),
		shown: withActions, status: []int{killed},
		do: []string{"open $D/killed b then write x then creat $D/made",
			"open $D/killed b then pwritev x y then creat $D/made", "open $D/killed b then copy $D/source 3 then creat $D/made"},
		want: repeated("file $D/killed -rw-r--r--, int 2 SIGKILL", 3)}, prevents: true,
		files:     map[string]string{"killed": original, "made": ""},
		filesSeen: map[string]string{"killed": original, "made": ""}},
	{row: row{name: "kill-read", spec: protected("security_file_permission", fileAndMask, "$D/killed-read", reading, sigkill),
		shown: withActions, status: []int{killed},
		do: []string{"open $D/killed-read then shared-read"}, want: []string{"file $D/killed-read -rw-r--r--, int 4 SIGKILL"}},
		prevents: true},
	// Only a kprobe sees the registers, and it cannot deny.
	{row: row{name: "kill-by-kprobe",
		spec: protected("security_file_permission", fileAndMask, "$D/killed-by-kprobe", writing, sigkill) +
			"\n  data: [{source: pt_regs, type: uint64, resolve: ip}]",
		shown: withActions, status: []int{killed}, refused: "does not see the registers",
		do:   []string{"open $D/killed-by-kprobe w then write x"},
		want: []string{"file $D/killed-by-kprobe -rw-r--r--, int 2, data size * SIGKILL"}}, seen: []string{"nothing"},
		files: map[string]string{"killed-by-kprobe": original}},
	{row: row{name: "kill-exec",
		spec: kprobe("security_bprm_creds_from_file", "{index: 1, type: file}", "matchArgs: ["+filter(1, "Equal",
			"$D/sleep")+"]\n    "+sigkill), shown: withActions, status: []int{killed},
		do: []string{"exec $D/sleep $L 30"}, want: []string{"file $D/sleep -rwxr-xr-x SIGKILL"}}, prevents: true},
	{row: row{name: "kill-mount",
		spec: kprobe("security_sb_mount", "{index: 0, type: string}, {index: 2, type: string}", "matchArgs: ["+filter(2, "Equal",
			"tmpfs")+"]\n    "+sigkill), shown: withActions, status: []int{killed},
		do: []string{"unshare " +
			newMount + " then mkdir $D/mounted then mount some-source $D/mounted tmpfs then creat $D/made"},
		want: []string{"string some-source, string tmpfs SIGKILL"}},
		prevents: true, files: map[string]string{"made": ""}, filesSeen: map[string]string{"made": ""}},
	{row: row{name: "kill-returning",
		spec: kprobe("sys_write", "{index: 2, type: size_t}", matchArgs(2, "Equal", "7")+"\n    "+sigkill) +
			"\n  return: true\n  returnArg: {index: 0, type: int}",
		shown: withActions, status: []int{killed}, do: []string{"open $D/allocated w then write seven77"},
		want: []string{"size 7*SIGKILL*"}},
		files: map[string]string{"allocated": original}, filesSeen: map[string]string{"allocated": original}},
	{row: row{name: "kill-without-post",
		spec: kprobe("sys_getsid", "{index: 0, type: int}", matchArgs(0, "Equal",
			"3")+"\n    matchActions: [{action: Sigkill}, {action: NoPost}]"), shown: withActions, status: []int{killed},
		do: []string{ask + "2 then " + ask + "3 then creat $D/made"}, want: []string{"int 3 SIGKILL"}},
		files: map[string]string{"made": ""}, filesSeen: map[string]string{"made": ""}},
	{row: row{name: "override-without-post",
		spec: protected("security_file_open", "{index: 0, type: file}", "$D/unposted", "",
			"matchActions: [{action: Override, argError: -1}, {action: NoPost}]"), shown: withActions,
		do: []string{"expect EPERM open $D/unposted"}, want: []string{"file $D/unposted -rw-r--r-- OVERRIDE"}},
		seen: []string{"open $D/unposted"}, wantSeen: []string{"file $D/unposted -rw-r--r-- POST would OVERRIDE"}, prevents: true},
	{row: row{name: "signal",
		spec: kprobe("sys_getsid", "{index: 0, type: int}", matchArgs(0, "Equal",
			"5")+"\n    matchActions: [{action: Signal, argSig: 10}]"), shown: withActions, status: []int{128 + int(unix.SIGUSR1)},
		do: []string{ask + "4 then " + ask + "5 then linger then creat $D/made"}, want: []string{"int 5 SIGNAL"}},
		files: map[string]string{"made": ""}, filesSeen: map[string]string{"made": ""}},
	{row: row{name: "signal-returning",
		spec: kprobe("sys_umask", "{index: 0, type: int}",
			"matchReturnArgs: [{index: 0, operator: Equal, values: ['5']}]\n    matchReturnActions: [{action: Sigkill}]") +
			"\n  return: true\n  returnArg: {index: 0, type: int}", shown: withActions, status: []int{killed},
		do: []string{"call umask 5 then call umask 7 then creat $D/made"}, want: []string{"int 7, = int 5 POST return SIGKILL"}},
		files: map[string]string{"made": ""}, filesSeen: map[string]string{"made": ""}},
	{row: row{name: "signal-returning-later-selector",
		spec: kprobe("sys_umask", "{index: 0, type: int}",
			"matchReturnArgs: [{index: 0, operator: Equal, values: ['21']}]",
			"matchReturnArgs: [{index: 0, operator: Equal, values: ['23']}]\n    matchReturnActions: [{action: Sigkill}]") +
			"\n  return: true\n  returnArg: {index: 0, type: int}", shown: withActions, status: []int{killed},
		do: []string{"call umask 23 then call umask 7 then creat $D/made"}, want: []string{"int 7, = int 23 POST return SIGKILL"}},
		files: map[string]string{"made": ""}, filesSeen: map[string]string{"made": ""}},
	// An error is written with a minus or without.
	{row: row{name: "override-positive", spec: protected("security_file_open", "{index: 0, type: file}", "$D/positive", "",
		"matchActions: [{action: Override, argError: 1}]"), shown: withActions,
		do: []string{"expect EPERM open $D/positive"}, want: []string{"file $D/positive -rw-r--r-- OVERRIDE"}},
		seen: []string{"open $D/positive"}, wantSeen: []string{"file $D/positive -rw-r--r-- POST would OVERRIDE"}, prevents: true},
	{row: row{name: "override-positive-at-function",
		spec: "options: [{name: override-method, value: fmod-ret}]\n" + protected("security_file_open", "{index: 0, type: file}", "$D/positive-at-function", "",
			"matchActions: [{action: Override, argError: 13}]"), shown: withActions,
		do: []string{"expect EACCES open $D/positive-at-function"}, want: []string{"file $D/positive-at-function -rw-r--r-- OVERRIDE"}},
		seen: []string{"open $D/positive-at-function"}, wantSeen: []string{"file $D/positive-at-function -rw-r--r-- POST would OVERRIDE"}, prevents: true},
	{row: row{name: "lsm-positive",
		spec: "lsmhooks:\n- hook: file_open\n  args: [{index: 0, type: file}]\n  selectors:\n  - matchArgs: [" +
			filter(0, "Equal", "$D/lsm-positive") + "]\n    matchActions: [{action: Override, argError: 13}]",
		shown: withActions, do: []string{"expect EACCES open $D/lsm-positive"}, want: []string{"file $D/lsm-positive -rw-r--r-- OVERRIDE"}},
		seen: []string{"open $D/lsm-positive"}, wantSeen: []string{"file $D/lsm-positive -rw-r--r-- POST would OVERRIDE"}, prevents: true},
	{row: row{name: "lsm-open",
		spec: "lsmhooks:\n- hook: file_open\n  args: [{index: 0, type: file}]\n  selectors:\n  - matchArgs: [" +
			filter(0, "Equal", "$D/lsm") + "]\n    matchActions: [{action: Override, argError: -13}]",
		shown: withActions, do: []string{"expect EACCES open $D/lsm"}, want: []string{"file $D/lsm -rw-r--r-- OVERRIDE"}},
		seen: []string{"open $D/lsm"}, wantSeen: []string{"file $D/lsm -rw-r--r-- POST would OVERRIDE"}, prevents: true},
	{row: row{name: "kill-with-error", spec: kprobe("sys_getsid", "{index: 0, type: int}", matchArgs(0, "Equal", "9")+
		"\n    matchActions: [{action: Sigkill, argError: -13}]"), shown: withActions, status: []int{killed},
		do: []string{ask + "9"}, want: []string{"int 9 SIGKILL"}}},
	{row: row{name: "signal-with-error", spec: kprobe("sys_getsid", "{index: 0, type: int}", matchArgs(0, "Equal", "10")+
		"\n    matchActions: [{action: Signal, argSig: 10, argError: 13}]"), shown: withActions, status: []int{128 + int(unix.SIGUSR1)},
		do: []string{ask + "10"}, want: []string{"int 10 SIGNAL"}}},
	{row: row{name: "lsm-kill",
		spec: "lsmhooks:\n- hook: file_permission\n  args: [" + fileAndMask + "]\n  selectors:\n  - matchArgs: [" +
			filter(0, "Equal", "$D/lsm-killed") + writing + "]\n    matchActions: [{action: Sigkill}]",
		shown: withActions, status: []int{killed}, do: []string{"open $D/lsm-killed w then write x"},
		want: []string{"file $D/lsm-killed -rw-r--r--, int 2 SIGKILL"}},
		prevents: true, files: map[string]string{"lsm-killed": original}, filesSeen: map[string]string{"lsm-killed": original}},
	{row: row{name: "notified", refused: "enforcer security_file_open",
		spec: "enforcers: [{calls: [security_file_open]}]\n" +
			kprobe("sys_getsid", "{index: 0, type: int}", matchArgs(0, "Equal",
				"6")+"\n    matchActions: [{action: NotifyEnforcer, argError: -1}]"),
		shown: withActions,
		do:    []string{"open $D/source then " + ask + "6 then expect EPERM open $D/source then open $D/source"},
		want:  []string{"int 6 NOTIFYENFORCER"}},
		seen: []string{ask + "6"}, wantSeen: []string{"int 6 NOTIFYENFORCER"}, prevents: true},
	{row: row{name: "notified-positive", refused: "enforcer security_file_open",
		spec: "enforcers: [{calls: [security_file_open]}]\n" +
			kprobe("sys_getsid", "{index: 0, type: int}", matchArgs(0, "Equal",
				"8")+"\n    matchActions: [{action: NotifyEnforcer, argError: 13}]"),
		shown: withActions,
		do:    []string{ask + "8 then expect EACCES open $D/source then open $D/source"},
		want:  []string{"int 8 NOTIFYENFORCER"}},
		seen: []string{ask + "8"}, wantSeen: []string{"int 8 NOTIFYENFORCER"}, prevents: true},
	{row: row{name: "notified-and-cleaned", refused: "enforcer security_file_open",
		spec: "enforcers: [{calls: [security_file_open]}]\n" +
			kprobe("sys_getsid", "{index: 0, type: int}", matchArgs(0, "Equal",
				"6")+"\n    matchActions: [{action: NotifyEnforcer, argError: -1}]",
				matchArgs(0, "Equal", "7")+"\n    matchActions: [{action: CleanupEnforcerNotification}]"), shown: withActions,
		do:   []string{ask + "6 then " + ask + "7 then open $D/source"},
		want: []string{"int 6 NOTIFYENFORCER", "int 7 CLEANUPENFORCERNOTIFICATION"}}, prevents: true},
}

func repeated(line string, count int) (all []string) {
	for range count {
		all = append(all, line)
	}
	return all
}

// TestEnforcement: on a tmpfs and on a disk what is forbidden does not happen, or ends who does it.
func TestEnforcement(t *testing.T) {
	folders := []string{newFolder(t, ""), newFolder(t, disk)}
	for _, folder := range folders {
		prepareEnforcement(t, folder)
	}
	prevents := harness.Prevents()
	var rows []row
	for _, e := range enforcements {
		if !prevents && e.seen != nil {
			e.do, e.want = e.seen, e.wantSeen
		}
		rows = append(rows, e.row)
	}
	result := runBatch(t, harness.Options{Enforce: true}, folders, rows)
	for _, e := range enforcements {
		for _, p := range e.places(folders) {
			t.Run(p.label+"/effects", func(t *testing.T) { e.checkEffects(t, result, p, prevents) })
		}
	}
}

func (e *enforcement) checkEffects(t *testing.T, result *harness.Result, p place, prevents bool) {
	h, _ := result.Hook(e.name)
	if want := prevents && e.prevents; h.Prevents != want {
		t.Errorf("hello says that it prevents: %t, want %t", h.Prevents, want)
	}
	weakness := "may still happen"
	if !strings.Contains(e.spec, "Sigkill") {
		weakness = "Override is not carried out"
	}
	if !prevents && e.prevents && h.Refused == "" && !strings.Contains(strings.Join(h.Notes, " "), weakness) {
		t.Errorf("hello does not say %q: %q", weakness, h.Notes)
	}
	files := e.files
	if !prevents {
		files = e.filesSeen
	}
	for name, want := range files {
		content, err := os.ReadFile(filepath.Join(p.folder, name))
		if err != nil && (want != "" || !os.IsNotExist(err)) || string(content) != want {
			t.Errorf("%s holds %q, %v; want %q", name, content, err, want)
		}
	}
	for _, status := range result.Status[p.label] {
		if len(e.status) > 0 && status == 0 && h.Refused == "" {
			t.Error("nobody was killed")
		}
	}
}

func prepareEnforcement(t *testing.T, folder string) {
	t.Helper()
	for name := range strings.FieldsSeq("written read truncated opened kept killed killed-read killed-by-kprobe allocated lsm lsm-killed lsm-positive positive positive-at-function unposted") {
		write(t, filepath.Join(folder, name), original)
	}
	write(t, filepath.Join(folder, "source"), "source")
	copyFile(t, harness.Provoke(t), filepath.Join(folder, "executed"))
	copyFile(t, "/bin/sleep", filepath.Join(folder, "sleep"))
}
