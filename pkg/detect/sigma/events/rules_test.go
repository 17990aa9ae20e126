// SPDX-License-Identifier: Apache-2.0

package events_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/sigma/events"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// ruleTests are public rules, by the name of their file without proc_creation_lnx_ and the like, with events that they match and some that
// they nearly do.
var ruleTests = []struct {
	rule    string
	yes, no []*event.Event
}{
	{
		"proc_creation_lnx_nohup",
		[]*event.Event{exec("/usr/bin/nohup", "./miner"), loading("/bin/busybox", exec("/usr/bin/nohup", "")), loading("/usr/bin/nohup", exec("/tmp/x", ""))},
		[]*event.Event{exec("/usr/bin/nohup2", ""), exec("/usr/bin/bash", "/usr/bin/nohup"), exec("/usr/bin/xnohup", "")},
	},
	{
		"proc_creation_lnx_susp_exec_from_dev_shm",
		[]*event.Event{exec("/dev/shm/x", ""), loading("/dev/shm/y (deleted)", exec("/proc/self/fd/3", ""))},
		[]*event.Event{exec("/srv/dev/shm/x", ""), exec("/dev/shmx", "")},
	},
	{
		"proc_creation_lnx_base64_execution",
		[]*event.Event{exec("/bin/sh", `-c "echo aWQ= | base64 -d |sh "`), exec("/bin/sh", `-c "echo aWQ= | BASE64 -d | bash"`)},
		[]*event.Event{exec("/bin/sh", `-c "base64 x | bashful"`), exec("/usr/bin/base64", "-d")},
	},
	{
		"proc_creation_lnx_chmod_targeting_sensitive_directories",
		[]*event.Event{exec("/bin/chmod", "777 /etc/passwd"), execBy(program("/bin/sh", "/usr/share/update-shells-x"), "/bin/chmod", "--reference=/etc/shells /tmp/x")},
		[]*event.Event{
			exec("/bin/chmod", "777 /home/x"), exec("/bin/chmod", "0775 /etc/landscape/"), exec("/bin/chmod", "700 /tmp/apt-key-gpghome.abc"),
			execBy(program("/bin/sh", "/usr/sbin/update-shells"), "/bin/chmod", "--reference=/etc/shells /tmp/x"),
			execBy(program("/bin/sh", "/var/lib/dpkg/info/x.postinst configure"), "/bin/chmod", "600 /etc/x"),
		},
	},
	{
		"proc_creation_lnx_git_shell_execution",
		[]*event.Event{execBy(program("/usr/bin/git", "-p help"), "/bin/sh", `-c "sh 0<&1"`)},
		[]*event.Event{execBy(program("/usr/bin/git", "help"), "/bin/sh", `-c "sh 0<&1"`), execBy(program("/usr/bin/hg", "-p help"), "/bin/sh", `-c "sh 0<&1"`)},
	},
	{
		"proc_creation_lnx_wget_download_suspicious_directory",
		[]*event.Event{exec("/usr/bin/wget", "-O /tmp/x http://h/"), loading("/bin/busybox", exec("/usr/bin/wget", "--output-document /tmp/x"))},
		[]*event.Event{exec("/usr/bin/wget", "-o /tmp/x http://h/"), exec("/usr/bin/wget", "-O /var/x http://h/"), exec("/usr/bin/wget", "-Ox /tmp/")},
	},
	{
		"proc_creation_lnx_susp_sensitive_file_access",
		[]*event.Event{exec("/bin/sed", "-i s/a/b/ /etc/x/y.conf"), exec("/bin/sed", "-i /^#/d /etc/hosts")},
		[]*event.Event{exec("/bin/sed", "-i /^#/d /etc/mdadm/mdadm.conf"), exec("/bin/sed", "-i s/a/b/ /srv/x"), exec("/bin/cat", "/etc/hosts")},
	},
	{
		"proc_creation_lnx_susp_inod_listing",
		[]*event.Event{exec("/bin/ls", "-id /"), exec("/bin/ls", "-d -i /")},
		[]*event.Event{exec("/bin/ls", "-ia /"), exec("/bin/ls", "-id /srv"), exec("/bin/ls", "-ID /")},
	},
	{
		"proc_creation_lnx_file_and_directory_discovery",
		[]*event.Event{exec("/usr/bin/find", ""), exec("/usr/bin/file", strings.Repeat("a ", 100)), exec("/bin/ls", "-r /")},
		[]*event.Event{exec("/usr/bin/file", strings.Repeat("a ", 90)), exec("/bin/ls", "-l")},
	},
	{
		"proc_creation_lnx_omigod_scx_runasprovider_executeshellcommand",
		[]*event.Event{changing(exec("/bin/sh", "/bin/sh"), func(p *event.Process) {
			p.Uid, p.Auid, p.Cwd = new(uint32(0)), new(uint32(0)), "/var/opt/microsoft/scx/tmp/"
		})},
		[]*event.Event{
			changing(exec("/bin/sh", "/bin/sh"), func(p *event.Process) {
				p.Uid, p.Auid, p.Cwd = new(uint32(0)), new(uint32(4294967295)), "/var/opt/microsoft/scx/tmp"
			}),
			changing(exec("/bin/sh", "/bin/sh"), func(p *event.Process) { p.Auid, p.Cwd = new(uint32(0)), "/var/opt/microsoft/scx/tmp" }),
		},
	},
	{
		"proc_creation_lnx_susp_network_utilities_execution",
		[]*event.Event{exec("/bin/nc", "10.0.0.1 4444"), exec("/usr/bin/nmap", "-l x --listen y")},
		[]*event.Event{exec("/bin/nc", "-v -l 4444 "), exec("/bin/ncx", "")},
	},
	{
		"proc_creation_lnx_susp_java_children",
		[]*event.Event{execBy(program("/usr/bin/java", "-jar x"), "/bin/sh", "-c bash")},
		[]*event.Event{execBy(program("/usr/bin/javac", ""), "/bin/bash", ""), execBy(program("/usr/bin/java", ""), "/usr/bin/id", "")},
	},
	{
		"file_event_lnx_persistence_sudoers_files",
		[]*event.Event{
			creating("/bin/vi", "/etc/sudoers.d/x"), opening("/bin/vi", "/etc/sudoers.d/x", openTruncate, 0), creating("/usr/bin/dpkg", "/etc/sudoers.d/x"),
			calling(program("/bin/mv", ""), "security_path_rename", pathArg("/tmp"), pathArg("/tmp/x"), pathArg("/etc/sudoers.d"), pathArg("/etc/sudoers.d/x")),
			calling(program("/bin/ln", ""), "security_path_link", pathArg("/tmp/x"), pathArg("/etc/sudoers.d"), pathArg("/etc/sudoers.d/x")),
			calling(program("/bin/ln", ""), "security_path_symlink", pathArg("/etc/sudoers.d"), pathArg("/etc/sudoers.d/x"), event.Argument{StringArg: new("/tmp/x")}),
			calling(program("/bin/mkfifo", ""), "security_path_mknod", pathArg("/etc/sudoers.d"), pathArg("/etc/sudoers.d/x"), uintArg(0o010644)),
			calling(program("/bin/cp", ""), "security_file_open", fileArg("/mnt/x"), labelled("flags", uintArg(openCreate)), labelled("asked", event.Argument{StringArg: new("/etc/./sudoers.d/x")})),
		},
		[]*event.Event{
			creating("/usr/bin/dpkg", "/etc/sudoers.d/README.dpkg-new"), opening("/bin/cat", "/etc/sudoers.d/x", 0, 0), creating("/bin/vi", "/etc/sudoers"),
			opening("/bin/vi", "/etc/sudoers.d/x", openCreate, 0), calling(program("/bin/vi", ""), "fd_install", event.Argument{IntArg: new(int32(3))}, fileArg("/etc/sudoers.d/x")),
			calling(program("/bin/mv", ""), "security_path_rename", pathArg("/etc/sudoers.d"), pathArg("/etc/sudoers.d/x"), pathArg("/tmp"), pathArg("/tmp/x")),
			calling(program("/bin/vi", ""), "security_path_mknod", pathArg("/etc/sudoers.d"), pathArg("/etc/sudoers.d/x"), uintArg(0o100644)),
			calling(program("/bin/rm", ""), "security_path_unlink", pathArg("/etc/sudoers.d"), pathArg("/etc/sudoers.d/x")),
		},
	},
	{
		"net_connection_lnx_back_connect_shell_dev",
		[]*event.Event{connecting("/bin/bash", "203.0.113.9", 4444), connecting("/usr/bin/bash", "::ffff:203.0.113.9", 4444), connecting("/bin/bash", "2001:db8::1", 1)},
		[]*event.Event{connecting("/bin/bash", "127.0.0.1", 4444), connecting("/bin/bash", "::ffff:127.0.0.1", 4444), connecting("/bin/sh", "203.0.113.9", 4444)},
	},
	{
		"lnx_auditd_dd_delete_file",
		[]*event.Event{exec("/bin/dd", "if=/dev/zero of=/x"), exec("/bin/dd", "if=/dev/null")},
		[]*event.Event{exec("/bin/dd", "of=/x if=/dev/zero"), exec("/bin/cat", "if=/dev/zero")},
	},
	{
		"lnx_auditd_hidden_zip_files_steganography",
		[]*event.Event{exec("/bin/cat", "a.jpg b.zip"), exec("/bin/cat", `"a b.png" "c d.zip"`)},
		[]*event.Event{exec("/bin/cat", "a.jpg x b.zip"), exec("/bin/tac", "a.jpg b.zip")},
	},
	{
		"lnx_auditd_binary_padding",
		[]*event.Event{exec("/usr/bin/truncate", "-s +1 /x"), exec("/bin/dd", "if=/dev/zero")},
		[]*event.Event{exec("/usr/bin/truncate", "+1 /x"), exec("/bin/dd", "if=/dev/zero of=/x")},
	},
	{
		"lnx_auditd_bpfdoor_port_redirect",
		[]*event.Event{exec("/sbin/iptables", "-t nat -A PREROUTING -j REDIRECT --to-ports 42391")},
		[]*event.Event{exec("/sbin/iptables", "-t nat -A PREROUTING -j REDIRECT --to-ports 52391"), exec("/sbin/iptables", "-t filter --to-ports 42391")},
	},
	{
		"lnx_auditd_disable_aslr_protection",
		[]*event.Event{exec("/sbin/sysctl", "-w kernel.randomize_va_space=0"), calling(program("/usr/bin/setarch", ""), "__x64_sys_personality", event.Argument{SizeArg: new(uint64(0x40000))})},
		[]*event.Event{exec("/sbin/sysctl", "-w kernel.randomize_va_space=2"), calling(program("/usr/bin/setarch", ""), "__x64_sys_personality", event.Argument{SizeArg: new(uint64(40000))})},
	},
	{
		"lnx_auditd_web_rce",
		[]*event.Event{changing(exec("/bin/id", ""), func(p *event.Process) { p.Uid = new(uint32(33)) })},
		[]*event.Event{exec("/bin/id", "")},
	},
	{
		"lnx_auditd_ld_so_preload_mod",
		[]*event.Event{opening("/bin/cat", "/etc/ld.so.preload", 0, 0), creating("/bin/vi", "/etc/ld.so.preload"), calling(program("/bin/rm", ""), "security_path_unlink", pathArg("/etc"), pathArg("/etc/ld.so.preload"))},
		[]*event.Event{opening("/bin/cat", "/etc/ld.so.preload.x", 0, 0)},
	},
	{
		"lnx_auditd_systemd_service_creation",
		[]*event.Event{creating("/bin/vi", "/etc/systemd/system/x.service"), creating("/bin/vi", "/home/x/.config/systemd/user/y")},
		[]*event.Event{opening("/bin/vi", "/etc/systemd/system/x.service", 0, 0), creating("/bin/vi", "/srv/etc/systemd/system/x.service")},
	},
	{
		"lnx_auditd_hidden_binary_execution",
		[]*event.Event{exec("/tmp/.x", ""), loading("/srv/.y/z", exec("/bin/z", ""))},
		[]*event.Event{exec("/root/.cache/x", ""), exec("/tmp/x", "/.x"), opening("/bin/cat", "/tmp/.x", 0, 0), creating("/bin/cat", "/tmp/.x")},
	},
	{
		"lnx_auditd_unix_shell_configuration_modification",
		[]*event.Event{opening("/bin/vi", "/home/x/.bashrc", 0, 0), opening("/bin/vi", "/etc/profile.d/x.sh", 0, 0)},
		[]*event.Event{opening("/bin/vi", "/srv/home/x/.bashrc", 0, 0), opening("/bin/vi", "/etc/profile2", 0, 0)},
	},
}

func TestRulesOverEvents(t *testing.T) {
	detector := events.NewPlan(sharedRules(t), events.Options{}).Detector()
	for _, tt := range ruleTests {
		for want, list := range map[bool][]*event.Event{true: tt.yes, false: tt.no} {
			for i, e := range list {
				got := slices.ContainsFunc(detector.Detect(e), func(m events.Match) bool { return filepath.Base(m.Rule.File) == tt.rule+".yml" })
				if got != want {
					t.Errorf("%s, event %d of %v: %v", tt.rule, i, want, got)
				}
			}
		}
	}
	if undecided := detector.Undecided(); len(undecided) != 0 {
		t.Errorf("undecided, and nothing was cut: %v", undecided)
	}
}
