// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	pluginterminal "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// eventsOf are the events about a pod so far.
func (r *running) eventsOf(pod *corev1.Pod) (events []event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if p := e.Process(); p != nil && p.Pod != nil && p.Pod.Name == pod.Name {
			events = append(events, e)
		}
	}
	return events
}

// compactLines are the lines of compact output of events about a pod, as linesOf.
func (r *running) compactLines(pod *corev1.Pod, events []event.Event) []string {
	r.Helper()
	var out bytes.Buffer
	renderer, err := render.New(&out, render.Options{Format: "compact", Out: pluginterminal.Capabilities{UTF8: true, Emoji: true}})
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range events {
		if err := renderer.Take(&pipeline.Item{Event: &e}); err != nil {
			r.Fatal(err)
		}
	}
	if err := renderer.Close(); err != nil {
		r.Fatal(err)
	}
	return linesAbout(out.String(), r.namespace+"/"+pod.Name)
}

// document reads a file of testdata into what JSON of the same content is.
func (s *scene) document(name string) any {
	s.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		s.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		s.Fatalf("%s: %v", name, err)
	}
	return v
}

// asDocument is a value as what its JSON is.
func (s *scene) asDocument(value any) (v any) {
	s.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		s.Fatal(err)
	}
	return v
}

// su: a user becomes another by su, which is about to be that one while it is root still; then a shell of the new user starts
// three programs. Its capabilities are those of the container.
func (c *cast) su() {
	pods := slices.Concat(c.pods["user"], c.pods["user-more"])
	r := c.start("run", "-f", "testdata/policies/credentials.yaml", "-l", "app in (user,user-more)")
	r.awaitPolicies(pods)
	var typing sync.WaitGroup
	for _, pod := range pods {
		typing.Go(func() {
			shell := c.terminal(pod.Name, "/bin/bash", "-c", "su user2; exit")
			shell.expect("Password:")
			shell.enter("user2")
			shell.expect("sudo_root")
			shell.expect("$ ")
			shell.enter("exit")
			shell.end()
		})
	}
	typing.Wait()
	for _, pod := range pods {
		r.await("end of su in "+pod.Name, func(e *event.Event) bool {
			x := e.ProcessExit
			return x != nil && x.Process.Pod != nil && x.Process.Pod.Name == pod.Name && strings.Contains(x.Process.Arguments, "su user2; exit")
		})
	}
	if got := r.end(); got.code != 0 {
		c.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	for _, pod := range pods {
		want := "credentials-su.yaml"
		if pod.Labels["app"] == "user-more" {
			want = "credentials-su-more.yaml"
		}
		r.checkSu(pod, c.document(want), c.document("credentials-shell.yaml"))
	}
}

// suLines are what comes out between the start of su and the end of the shell.
var suLines = []string{
	"🚀 process POD /usr/bin/su user2",
	"❓ syscall POD /usr/bin/su commit_creds",
	"❓ syscall POD /usr/bin/su commit_creds",
	"🚀 process POD /bin/bash",
	"❓ syscall POD /bin/bash commit_creds",
	"🚀 process POD /usr/bin/groups",
	"💥 exit    POD /usr/bin/groups  0",
	"❓ syscall POD /bin/bash commit_creds",
	"🚀 process POD /usr/bin/cat",
	"💥 exit    POD /usr/bin/cat  0",
	"❓ syscall POD /bin/bash commit_creds",
	"🚀 process POD /usr/bin/dircolors -b",
	"💥 exit    POD /usr/bin/dircolors -b 0",
}

// suLinesByTracepoints: an exec's credentials are told after it, as the new program's. Those of the shell are what su has had since
// it is user 1002: a repeat, which the policy's rate limit leaves out.
var suLinesByTracepoints = []string{
	"🚀 process POD /usr/bin/su user2",
	"❓ syscall POD /usr/bin/su commit_creds",
	"❓ syscall POD /usr/bin/su commit_creds",
	"❓ syscall POD /usr/bin/su commit_creds",
	"🚀 process POD /bin/bash",
	"🚀 process POD /usr/bin/groups",
	"❓ syscall POD /usr/bin/groups commit_creds",
	"💥 exit    POD /usr/bin/groups  0",
	"🚀 process POD /usr/bin/cat",
	"❓ syscall POD /usr/bin/cat commit_creds",
	"💥 exit    POD /usr/bin/cat  0",
	"🚀 process POD /usr/bin/dircolors -b",
	"❓ syscall POD /usr/bin/dircolors commit_creds",
	"💥 exit    POD /usr/bin/dircolors -b 0",
}

// checkSu compares what came out of su in a pod.
func (r *running) checkSu(pod *corev1.Pod, ofSu, ofShell any) {
	r.Helper()
	events := r.eventsOf(pod)
	lines, want := r.compactLines(pod, events), suLines
	if r.onlyTracepoints(pod.Spec.NodeName) {
		want = suLinesByTracepoints
	}
	first, last := slices.Index(lines, want[0]), slices.Index(lines, want[len(want)-1])
	if first < 0 || last < first || !slices.Equal(lines[first:last+1], want) {
		r.Errorf("%s:\n%s", pod.Name, strings.Join(lines, "\n"))
	}
	su, programs := 0, 0
	for _, e := range events {
		k := e.ProcessKprobe
		switch {
		case k == nil:
		case k.PolicyName != "process-creds-changed" || k.FunctionName != "commit_creds" || k.Action != event.ActionPost:
			r.Errorf("%s: event %+v", pod.Name, k)
		case k.Process.Binary == "/usr/bin/su" && k.Process.Arguments == "user2" && reflect.DeepEqual(r.credentials(k), ofSu):
			su++
		case k.Process.Binary != "/usr/bin/su" && reflect.DeepEqual(r.credentials(k), ofShell):
			programs++
		}
	}
	if su != 1 || programs != 3 {
		r.Errorf("%s: %d events of su and %d of the shell's programs have the credentials that are wanted", pod.Name, su, programs)
		for _, e := range events {
			if k := e.ProcessKprobe; k != nil {
				text, _ := json.Marshal(k.Args)
				r.Logf("%s %s: %s", k.Process.Binary, k.Process.Arguments, text)
			}
		}
	}
}

// credentials are the arguments of commit_creds as a document.
func (r *running) credentials(k *event.ProcessKprobe) any {
	if len(k.Args) != 1 {
		return nil
	}
	return r.asDocument(k.Args[0])
}

// capabilities: what dmesg is refused, with the capability that it lacks.
func (c *cast) capabilities() {
	pods := c.pods["busybox"]
	r := c.start("run", "-f", "testdata/policies/capability-usage.yaml", "-l", "app=busybox")
	r.awaitPolicies(pods)
	want := c.document("capability-syslog.yaml")
	for _, pod := range pods {
		if out := c.execIn(pod.Name, "/bin/dmesg"); !strings.Contains(out, "Operation not permitted") {
			c.Errorf("dmesg in %s: %s", pod.Name, out)
		}
	}
	for _, pod := range pods {
		r.await("end of dmesg in "+pod.Name, func(e *event.Event) bool {
			return e.ProcessExit != nil && e.ProcessExit.Process.Pod != nil && e.ProcessExit.Process.Pod.Name == pod.Name
		})
	}
	if got := r.end(); got.code != 0 {
		c.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	for _, pod := range pods {
		var got []any
		for _, e := range r.eventsOf(pod) {
			if k := e.ProcessKprobe; k != nil && k.Process.Binary == "/bin/dmesg" && k.Args[1].CapabilityArg.Name == "CAP_SYSLOG" {
				got = append(got, c.asDocument(map[string]any{
					"function_name": k.FunctionName, "args": k.Args, "return": k.Return, "action": k.Action, "policy_name": k.PolicyName,
				}))
			}
		}
		if !reflect.DeepEqual(got, []any{want}) {
			text, _ := json.Marshal(got)
			c.Errorf("%s: %s", pod.Name, text)
		}
	}
}
