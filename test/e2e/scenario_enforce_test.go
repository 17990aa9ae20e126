// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// enforceArgs are the arguments of enforce, which does not ask.
func enforceArgs(policies ...string) []string {
	return append(policyArgs("enforce", policies...), "--yes")
}

// TestEnforceScenarios: what documents show of enforcing, with their policies, on both kinds of node at once: one denies what the
// other can only kill for.
func TestEnforceScenarios(t *testing.T) {
	c := newCast(t, map[string]actor{"web": webServer, "debian": debianPod, "busybox": busyboxPod})
	t.Run("web", func(t *testing.T) {
		t.Parallel()
		c.play(t, killedSleep, killedShell, killedReader)
		for _, pod := range c.pods["web"] {
			if n := c.in(t).restarts(pod); n != 2 {
				t.Errorf("%s was started again %d times, want 2", pod.Name, n)
			}
		}
	})
	t.Run("vi", func(t *testing.T) {
		t.Parallel()
		c.play(t, forbidden, sparedRuntime)
	})
	t.Run("debian", func(t *testing.T) {
		t.Parallel()
		c.play(t, killedEditor)
		t.Run("a denied read", func(t *testing.T) { c.in(t).deniedRead() })
	})
}

// restarts is how often a pod's container was started again.
func (s *scene) restarts(pod *corev1.Pod) int32 {
	s.Helper()
	got, err := client.CoreV1().Pods(s.namespace).Get(s.Context(), pod.Name, metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return got.Status.ContainerStatuses[0].RestartCount
}

// expectKilled asks the web server of a pod for what kills it: there is no answer, and the container is started again.
func (s *scene) expectKilled(pod, path string) {
	s.Helper()
	before, err := client.CoreV1().Pods(s.namespace).Get(s.Context(), pod, metav1.GetOptions{})
	if err != nil {
		s.Error(err)
		return
	}
	if answer := s.get(pod, path); answer != "" {
		s.Errorf("%s%s answers %q", pod, path, answer)
	}
	s.eventually("restart of "+pod, func(ctx context.Context) bool {
		now, err := client.CoreV1().Pods(s.namespace).Get(ctx, pod, metav1.GetOptions{})
		return err == nil && now.Status.ContainerStatuses[0].RestartCount > before.Status.ContainerStatuses[0].RestartCount
	})
}

// killedSleep: the command of a script is killed, and the script goes on.
var killedSleep = scenario{
	name:     "sleep is killed",
	args:     enforceArgs("exec-sleep-kill"),
	deniable: true,
	pods:     "web",
	act: func(s *scene, pod string) {
		s.expectAnswer(pod, "/test_exec", "complete\n")
	},
	want: []string{
		"🚀 process POD /test.sh /test.sh",
		"❓ syscall POD /test.sh security_bprm_creds_from_file ⛔ SIGKILL",
		"💥 exit    POD /test.sh /test.sh SIGKILL", // before it is sleep
		"💥 exit    POD /test.sh /test.sh 0",
	},
	tracepoints: []string{
		"🚀 process POD /test.sh /test.sh",
		"🚀 process POD /usr/bin/sleep 5",
		"❓ syscall POD /usr/bin/sleep security_bprm_creds_from_file ⛔ SIGKILL", // by the tracepoint of the exec, which is after it
		"💥 exit    POD /usr/bin/sleep 5 SIGKILL",
		"💥 exit    POD /test.sh /test.sh 0",
	},
}

// killedShell: the shell that is to interpret a script is killed.
var killedShell = scenario{
	name:     "a shell is killed",
	args:     enforceArgs("exec-dash-kill"),
	deniable: true,
	pods:     "web",
	act: func(s *scene, pod string) {
		s.get(pod, "/test_exec")
		s.expectAnswer(pod, "/read2", "this is text2\n") // the server was not
	},
	want: []string{
		"❓ syscall POD /usr/local/bin/python security_bprm_creds_from_file ⛔ SIGKILL",
		"💥 exit    POD /usr/local/bin/python /main.py SIGKILL",
	},
	tracepoints: []string{
		"🚀 process POD /test.sh /test.sh",
		"❓ syscall POD /test.sh security_bprm_creds_from_file ⛔ SIGKILL",
		"💥 exit    POD /test.sh /test.sh SIGKILL",
	},
}

// killedReader: who reads one file or writes another is killed, and its container started again; executing a file is not what
// the policy's hook is asked about.
var killedReader = scenario{
	name:     "a reader and a writer are killed",
	args:     enforceArgs("read-kill", "write-exec-kill"),
	deniable: true,
	pods:     "web",
	act: func(s *scene, pod string) {
		s.expectAnswer(pod, "/read2", "this is text2\n")
		s.expectKilled(pod, "/read1")
		s.expectAnswer(pod, "/test_read", testFile)
		s.expectKilled(pod, "/test_write")
		s.expectAnswer(pod, "/test_read", testFile)
		s.expectAnswer(pod, "/test_exec", "complete\n")
	},
	want: []string{
		"📚 read    POD /usr/local/bin/python /test1.txt ⛔ SIGKILL",
		"💥 exit    POD /usr/local/bin/python /main.py SIGKILL",
		"🚀 process POD /usr/local/bin/python /main.py",
		"📝 write   POD /usr/local/bin/python /test.sh ⛔ SIGKILL",
		"💥 exit    POD /usr/local/bin/python /main.py SIGKILL",
		"🚀 process POD /usr/local/bin/python /main.py",
		"🚀 process POD /test.sh /test.sh",
		"🚀 process POD /usr/bin/sleep 5",
		"💥 exit    POD /usr/bin/sleep 5 0",
		"💥 exit    POD /test.sh /test.sh 0",
	},
}

// forbidden: a file can't be changed by vi. (The document's file was empty when vi was killed, so there was nothing to read.)
var forbidden = scenario{
	name: "a file in tmp",
	args: enforceArgs("forbidden-kill"),
	pods: "busybox",
	act: func(s *scene, pod string) {
		s.execIn(pod, "/bin/mkdir", "-p", "/tmp/forbidden")
		shell := s.terminal(pod, "/bin/sh", "-c", "cd /tmp/forbidden; touch donotchange.me; /usr/bin/vi donotchange.me; exit")
		shell.expect("- donotchange.me")
		shell.press("i")
		shell.expect("I donotchange.me")
		shell.press("File changed\x1b")
		shell.expect("- donotchange.me")
		shell.enter(":wq")
		shell.expect("Killed")
		shell.end()
		// Also where it is only killed: a write to a file's pages does not begin when its thread is about to die.
		if content := s.execIn(pod, "/bin/cat", "/tmp/forbidden/donotchange.me"); content != "" {
			s.Errorf("in %s the file was changed: %q", pod, content)
		}
	},
	about: regexp.MustCompile("POD /usr/bin/vi( |$)"),
	want: []string{
		"🚀 process POD /usr/bin/vi donotchange.me",
		"📬 open    POD /usr/bin/vi /tmp/forbidden/donotchange.me",
		"📪 close   POD /usr/bin/vi",
		"📬 open    POD /usr/bin/vi /tmp/forbidden/donotchange.me",
		"📝 write   POD /usr/bin/vi /tmp/forbidden/donotchange.me 13 bytes ⛔ SIGKILL",
		"💥 exit    POD /usr/bin/vi donotchange.me SIGKILL",
	},
}

// sparedRuntime: who reads anything is killed, but for the container runtime, which has to read before it can start what is to run.
var sparedRuntime = scenario{
	name:     "the container runtime is spared",
	args:     enforceArgs("no-reading-kill"),
	deniable: true,
	pods:     "busybox",
	act: func(s *scene, pod string) {
		s.execIn(pod, "/bin/true")
		s.execIn(pod, "/bin/cat", "/etc/passwd")
	},
	want: []string{
		"🚀 process POD /bin/true",
		"💥 exit    POD /bin/true  0",
		"🚀 process POD /bin/cat /etc/passwd",
		"📚 read    POD /bin/cat /etc/passwd ⛔ SIGKILL",
		"💥 exit    POD /bin/cat /etc/passwd SIGKILL",
	},
}

// killedEditor: vim can't write below /etc, not even its own file beside the one that it is to change.
var killedEditor = scenario{
	name: "vim",
	args: enforceArgs("follow-etc-kill"),
	pods: "debian",
	act: func(s *scene, pod string) {
		before := s.execIn(pod, "/usr/bin/sha256sum", "/etc/passwd")
		shell := s.terminal(pod, "/bin/bash", "-c", "/usr/bin/vi /etc/passwd; exit")
		shell.expect("Killed")
		shell.end()
		if after := s.execIn(pod, "/usr/bin/sha256sum", "/etc/passwd"); after != before {
			s.Errorf("in %s: %s, before: %s", pod, after, before)
		}
	},
	about: regexp.MustCompile("POD /usr/bin/vi( |$)"),
	want: []string{
		"🚀 process POD /usr/bin/vi /etc/passwd",
		"📬 open    POD /usr/bin/vi /etc/ld.so.cache",
		"📪 close   POD /usr/bin/vi",
		"📬 open    POD /usr/bin/vi /etc/vim/vimrc.tiny",
		"📚 read    POD /usr/bin/vi /etc/vim/vimrc.tiny 4096 bytes",
		"📚 read    POD /usr/bin/vi /etc/vim/vimrc.tiny 4096 bytes",
		"📪 close   POD /usr/bin/vi",
		"📬 open    POD /usr/bin/vi /etc/passwd",
		"📚 read    POD /usr/bin/vi /etc/passwd 4096 bytes",
		"📪 close   POD /usr/bin/vi",
		"📬 open    POD /usr/bin/vi /etc/passwd",
		"📬 open    POD /usr/bin/vi /etc/.passwd.swp",
		"📬 open    POD /usr/bin/vi /etc/.passwd.swpx",
		"📪 close   POD /usr/bin/vi",
		"📪 close   POD /usr/bin/vi",
		"📬 open    POD /usr/bin/vi /etc/.passwd.swp",
		"📝 write   POD /usr/bin/vi /etc/.passwd.swp 4096 bytes ⛔ SIGKILL",
		"💥 exit    POD /usr/bin/vi /etc/passwd SIGKILL",
	},
}

// checkPreview checks that it was said of each node, before anything was armed, whether it denies what can be denied or only kills.
func (b *background) checkPreview(pods []*corev1.Pod, deniable bool) {
	b.Helper()
	for _, pod := range pods {
		node := pod.Spec.NodeName
		effect := "killed, not denied"
		if deniable && b.denies(node) {
			effect = "denied and killed"
		}
		if !regexp.MustCompile(`(?m)^ +on (.*, )?` + regexp.QuoteMeta(node) + `(, .*)?: ` + effect).MatchString(b.err.String()) {
			b.Errorf("it is not said that on %s calls are %s:\n%s", node, effect, b.err.String())
		}
	}
}

// deniedRead: a call is denied where the kernel can, and its process told so; the other node says that it can't, and is not armed.
func (c *cast) deniedRead() {
	pods := c.pods["debian"]
	b := c.background("enforce", "-f", "testdata/policies/deny-read.yaml", "--yes", "-l", "app=debian", "-o", "compact")
	var denying []*corev1.Pod
	for _, pod := range pods {
		node := pod.Spec.NodeName
		armed, refusal := "node "+node+": armed: ", "🛑 "+node+": not armed: Override can't be carried out at security_file_permission"
		c.eventuallyDoing("an answer of "+node, func() bool {
			return strings.Contains(b.err.String(), armed) || strings.Contains(b.err.String(), refusal)
		})
		if c.denies(node) {
			denying = append(denying, pod)
		}
		if refused := strings.Contains(b.err.String(), refusal); refused == c.denies(node) {
			c.Errorf("on %s, whose label %s is %s, enforcing is refused: %t", node, tierLabel, c.tier(node), refused)
		}
	}
	for _, pod := range pods {
		want := "this is text1\n"
		if slices.Contains(denying, pod) {
			want = "/usr/bin/cat: /test1.txt: Operation not permitted\n"
		}
		if out := c.execIn(pod.Name, "/usr/bin/cat", "/test1.txt"); out != want {
			c.Errorf("in %s: %q, want %q", pod.Name, out, want)
		}
	}
	want := []string{
		"🚀 process POD /usr/bin/cat /test1.txt",
		"📚 read    POD /usr/bin/cat /test1.txt ⛔ OVERRIDE",
		"💥 exit    POD /usr/bin/cat /test1.txt 1",
	}
	for _, pod := range denying {
		c.eventuallyDoing("end of cat in "+pod.Name, func() bool { return count(b.linesOf(pod), want[2]) > 0 })
		if got := b.linesOf(pod); !slices.Equal(got, want) {
			c.Errorf("%s:\n%s", pod.Name, strings.Join(got, "\n"))
		}
	}
	b.interrupt()
	if len(denying) == 0 {
		c.Errorf("no node has the label %s=%s, so nothing was denied", tierLabel, trampolineTier)
	}
}
