// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const (
	testFile  = "#!/bin/sh\n\nsleep 5\n\necho \"complete\"\n"
	addedLine = "#!/bin/sh\necho 'added line'\n"
)

var (
	webServer  = actor{image: scripts, command: []string{"python", "/main.py"}}
	debianPod  = actor{image: scripts, command: []string{"sleep", "3600"}}
	busyboxPod = actor{image: workload, command: []string{"sleep", "3600"}}
	userPod    = actor{image: scripts, command: []string{"sleep", "3600"}, security: &corev1.SecurityContext{
		RunAsUser: new(int64(1001)), RunAsGroup: new(int64(1001)),
	}}
	userWithMore = actor{image: scripts, command: []string{"sleep", "3600"}, security: &corev1.SecurityContext{
		RunAsUser: new(int64(1001)), RunAsGroup: new(int64(1001)),
		Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN", "SYS_TIME"}},
	}}
)

// TestScenarios: what documents show of observing, with their policies, on both kinds of node at once.
func TestScenarios(t *testing.T) {
	c := newCast(t, map[string]actor{"web": webServer, "debian": debianPod, "busybox": busyboxPod, "user": userPod, "user-more": userWithMore})
	t.Run("web", func(t *testing.T) {
		t.Parallel()
		c.play(t, reads, deniedWrites)
	})
	t.Run("debian", func(t *testing.T) {
		t.Parallel()
		c.play(t, credentialsOfScripts, binaries, strace)
		t.Run("start of a pod", func(t *testing.T) { c.in(t).startOfPod() })
	})
	t.Run("busybox", func(t *testing.T) {
		t.Parallel()
		c.play(t, editPasswd)
		t.Run("capabilities", func(t *testing.T) { c.in(t).capabilities() })
	})
	t.Run("su", func(t *testing.T) {
		t.Parallel()
		c.in(t).su()
	})
}

// reads: who reads one file and not another, and what a script executes.
//
// The kernel asks for permission twice for each read of a file of an overlay: of the overlay's file, and of the one below. Of the
// two reads of Python, of which the second finds the end, a kprobe or trampoline sees four, a tracepoint of the system call two.
var reads = scenario{
	name: "reads and programs",
	args: policyArgs("run", "read", "exec"),
	pods: "web",
	act: func(s *scene, pod string) {
		s.expectAnswer(pod, "/read1", "this is text1\n")
		s.expectAnswer(pod, "/read2", "this is text2\n")
		s.expectAnswer(pod, "/test_exec", "complete\n")
	},
	want: []string{
		"📚 read    POD /usr/local/bin/python /test1.txt",
		"📚 read    POD /usr/local/bin/python /test1.txt",
		"📚 read    POD /usr/local/bin/python /test1.txt",
		"📚 read    POD /usr/local/bin/python /test1.txt",
		"❓ syscall POD /usr/local/bin/python security_bprm_creds_from_file",
		"🚀 process POD /test.sh /test.sh",
		"❓ syscall POD /test.sh security_bprm_creds_from_file",
		"🚀 process POD /usr/bin/sleep 5",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"💥 exit    POD /test.sh /test.sh 0",
	},
	tracepoints: []string{
		"📚 read    POD /usr/local/bin/python /test1.txt",
		"📚 read    POD /usr/local/bin/python /test1.txt",
		// By the tracepoint of the exec, which is after it.
		"🚀 process POD /test.sh /test.sh",
		"❓ syscall POD /test.sh security_bprm_creds_from_file",
		"🚀 process POD /usr/bin/sleep 5",
		"❓ syscall POD /usr/bin/sleep security_bprm_creds_from_file",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"💥 exit    POD /test.sh /test.sh 0",
	},
}

// deniedWrites: the policy that denies writing by mask 2 and means to deny executing by mask 1: security_file_permission is not
// asked about that. Here it only observes.
var deniedWrites = scenario{
	name: "writes",
	args: policyArgs("run", "write-exec-kill"),
	pods: "web",
	act: func(s *scene, pod string) {
		s.expectAnswer(pod, "/test_read", testFile)
		s.expectAnswer(pod, "/test_write", "write complete")
		s.expectAnswer(pod, "/test_read", addedLine)
		s.expectAnswer(pod, "/test_exec", "added line\n")
	},
	want: []string{
		"📝 write   POD /usr/local/bin/python /test.sh",
		"📝 write   POD /usr/local/bin/python /test.sh", // the file below
		"🚀 process POD /test.sh /test.sh",
		"💥 exit    POD /test.sh /test.sh 0",
	},
	tracepoints: []string{
		"📝 write   POD /usr/local/bin/python /test.sh",
		"🚀 process POD /test.sh /test.sh",
		"💥 exit    POD /test.sh /test.sh 0",
	},
}

// credentialsOfScripts: the lines of /sub.sh when each exec's credentials are told too.
var credentialsOfScripts = scenario{
	name:    "credentials of scripts",
	args:    policyArgs("run", "credentials"),
	pods:    "debian",
	act:     func(s *scene, pod string) { s.execIn(pod, "/sub.sh") },
	entered: true,
	want: []string{
		"🚀 process POD /sub.sh /sub.sh",
		"❓ syscall POD /sub.sh commit_creds",
		"🚀 process POD /usr/bin/sleep 5",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"❓ syscall POD /sub.sh commit_creds",
		"🚀 process POD /subsub.sh /subsub.sh",
		"❓ syscall POD /subsub.sh commit_creds",
		"🚀 process POD /usr/bin/sleep 5",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"💥 exit    POD /subsub.sh /subsub.sh 0",
		"❓ syscall POD /sub.sh commit_creds",
		"🚀 process POD /usr/bin/sleep 5",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"💥 exit    POD /sub.sh /sub.sh 0",
	},
	tracepoints: []string{ // after the exec, and so that of /sub.sh is after the runtime's own
		"🚀 process POD /sub.sh /sub.sh",
		"❓ syscall POD /sub.sh commit_creds",
		"🚀 process POD /usr/bin/sleep 5",
		"❓ syscall POD /usr/bin/sleep commit_creds",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"🚀 process POD /subsub.sh /subsub.sh",
		"❓ syscall POD /subsub.sh commit_creds",
		"🚀 process POD /usr/bin/sleep 5",
		"❓ syscall POD /usr/bin/sleep commit_creds",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"💥 exit    POD /subsub.sh /subsub.sh 0",
		"🚀 process POD /usr/bin/sleep 5",
		"❓ syscall POD /usr/bin/sleep commit_creds",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"💥 exit    POD /sub.sh /sub.sh 0",
	},
}

// editPasswd: a file below /etc is followed by its descriptor; it is looked at, and then changed.
var editPasswd = scenario{
	name: "vi",
	args: policyArgs("run", "follow-etc"),
	pods: "busybox",
	act: func(s *scene, pod string) {
		shell := s.terminal(pod, "/bin/sh", "-c", "/bin/vi /etc/passwd; /bin/vi /etc/passwd; exit")
		shell.expect("1/2")
		shell.enter(":q")
		shell.expect("\x1b[?1049h") // the second one's screen
		shell.expect("1/2")
		shell.enter(":wq!")
		shell.end()
	},
	entered: true,
	want: []string{
		`🚀 process POD /bin/sh -c "/bin/vi /etc/passwd; /bin/vi /etc/passwd; exit"`,
		"🚀 process POD /bin/vi /etc/passwd",
		"📬 open    POD /bin/vi /etc/passwd",
		"📚 read    POD /bin/vi /etc/passwd 89 bytes",
		"📪 close   POD /bin/vi",
		"💥 exit    POD /bin/vi /etc/passwd 0",
		"🚀 process POD /bin/vi /etc/passwd",
		"📬 open    POD /bin/vi /etc/passwd",
		"📚 read    POD /bin/vi /etc/passwd 89 bytes",
		"📪 close   POD /bin/vi",
		"📬 open    POD /bin/vi /etc/passwd",
		"📝 write   POD /bin/vi /etc/passwd 89 bytes",
		"📪 close   POD /bin/vi",
		"💥 exit    POD /bin/vi /etc/passwd 0",
		`💥 exit    POD /bin/sh -c "/bin/vi /etc/passwd; /bin/vi /etc/passwd; exit" 0`,
	},
}

// binaries: a file is made below /bin, which is /usr/bin here, and a package manager drops a program there.
var binaries = scenario{
	name: "below bin",
	args: []string{"file", "--prefix", "/usr/bin", "--op", "open,write"},
	pods: "debian",
	act: func(s *scene, pod string) {
		s.execIn(pod, "/usr/bin/touch", "/bin/surprise")
		if out := s.execIn(pod, "/usr/bin/dpkg", "-i", "/wget.deb"); !strings.Contains(out, "Setting up wget") {
			s.Errorf("dpkg: %s", out)
		}
	},
	about: regexp.MustCompile("^(📬|📝|💥 exit    POD /usr/bin/dpkg -i )"),
	want: []string{
		"📬 open    POD /usr/bin/touch /usr/bin/surprise",
		"📬 open    POD /usr/bin/dpkg /usr/bin/wget.dpkg-new",
		"📝 write   POD /usr/bin/dpkg /usr/bin/wget.dpkg-new 26 bytes",
		"📬 open    POD /usr/bin/dpkg /usr/bin/wget.dpkg-new", // to write it to the disk
		"📬 open    POD /usr/bin/dpkg /usr/bin/wget.dpkg-new",
		"💥 exit    POD /usr/bin/dpkg -i /wget.deb 0",
	},
}

// strace: one process looks into another. Before it does, it tries out what the kernel can.
var strace = scenario{
	name:    "strace",
	args:    []string{"hook", "sys_ptrace", "--arg", "0:int", "--match", "0:Equal:0,16,16902"}, // TRACEME, ATTACH, SEIZE
	pods:    "debian",
	act:     func(s *scene, pod string) { s.execIn(pod, "/usr/bin/strace", "-o", "/dev/null", "/usr/bin/true") },
	entered: true,
	want: []string{
		"🚀 process POD /usr/bin/strace -o /dev/null /usr/bin/true",
		"🔍 ptrace  POD /usr/bin/strace int=16902",
		"💥 exit    POD /usr/bin/strace -o /dev/null /usr/bin/true SIGKILL",
		"🔍 ptrace  POD /usr/bin/strace int=0",
		"💥 exit    POD /usr/bin/strace -o /dev/null /usr/bin/true 0",
		"🔍 ptrace  POD /usr/bin/strace int=16902",
		"🚀 process POD /usr/bin/true",
		"💥 exit    POD /usr/bin/true  0",
		"💥 exit    POD /usr/bin/strace -o /dev/null /usr/bin/true 0",
	},
}

// startOfNginx are the programs of an nginx container's start, as a document shows them. Of a pipe's two ends either may be first.
var startOfNginx = []string{
	`🚀 process POD /docker-entrypoint.sh /docker-entrypoint.sh nginx -g "daemon off;"`,
	"🚀 process POD /usr/bin/find /docker-entrypoint.d/ -mindepth 1 -maxdepth 1 -type f -print -quit",
	"🚀 process POD /usr/bin/find /docker-entrypoint.d/ -follow -type f -print",
	"🚀 process POD /usr/bin/sort -V",
	"🚀 process POD /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
	"🚀 process POD /usr/bin/basename /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
	"🚀 process POD /docker-entrypoint.d/20-envsubst-on-templates.sh /docker-entrypoint.d/20-envsubst-on-templates.sh",
	"🚀 process POD /usr/bin/basename /docker-entrypoint.d/20-envsubst-on-templates.sh",
	"🚀 process POD /docker-entrypoint.d/30-tune-worker-processes.sh /docker-entrypoint.d/30-tune-worker-processes.sh",
	"🚀 process POD /usr/bin/basename /docker-entrypoint.d/30-tune-worker-processes.sh",
	`🚀 process POD /usr/sbin/nginx -g "daemon off;"`,
}

// startOfPod: a pod starts while others are traced, and what starts it is seen from its first program on. Before that, the pod's
// sandbox and the runtime's part of its start (init, which the document shows as "/proc/self/fd/6 init") may be.
func (c *cast) startOfPod() {
	b := c.background("exec", "-l", "app=debian", "-o", "compact")
	b.awaitStart()
	nginx := actor{image: scripts, command: []string{"/docker-entrypoint.sh", "nginx", "-g", "daemon off;"}}
	var pods []*corev1.Pod
	for _, pod := range c.pods["debian"] {
		node := pod.Spec.NodeName
		pods = append(pods, c.pod("nginx-"+node, map[string]string{"app": "debian"}, nginx.on(node)))
	}
	last := startOfNginx[len(startOfNginx)-1]
	for _, pod := range pods {
		c.eventuallyDoing("in "+pod.Name+": "+last, func() bool { return slices.Contains(b.linesOf(pod), last) })
	}
	b.interrupt()
	for _, pod := range pods {
		got := slices.DeleteFunc(b.linesOf(pod), func(l string) bool { return !isExec(l) })
		got = got[max(0, slices.Index(got, startOfNginx[0])):]
		if i := slices.Index(got, startOfNginx[3]); i == 2 {
			got[2], got[3] = got[3], got[2]
		}
		if !slices.Equal(got, startOfNginx) {
			c.Errorf("%s:\n%s", pod.Name, strings.Join(got, "\n"))
		}
	}
}
