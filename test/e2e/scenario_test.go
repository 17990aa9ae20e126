// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// scenario is something that published documents about tools like this one show: a command, what is done in pods meanwhile, and
// the lines that come out. Where our lines differ from a document's, the scenario says why.
type scenario struct {
	name string
	// args are the verb and its flags; policies of run and enforce are files of testdata/policies.
	args []string
	// pods are the value of the label app of the pods that it is about, of which there is one on each kind of node.
	pods string
	// act is what is done in one of the pods, or to it; in all of them at the same time.
	act func(s *scene, pod string)
	// entered: act enters the pod by kubectl exec, so that nothing comes before the first program.
	entered bool
	// deniable: what is enforced on is what a kernel can deny, if it lets programs do so.
	deniable bool
	// about, if it is not nil, matches the lines that are compared.
	about *regexp.Regexp
	// want are the lines of compact output about a pod, which is called POD there. tracepoints are those on nodes that have
	// only tracepoints, if they are others.
	want, tracepoints []string
}

// policyArgs are the arguments of a verb for policies of testdata/policies.
func policyArgs(verb string, policies ...string) []string {
	args := []string{verb}
	for _, p := range policies {
		args = append(args, "-f", "testdata/policies/"+p+".yaml")
	}
	return args
}

// cast is the pods of scenarios.
type cast struct {
	*scene
	pods map[string][]*corev1.Pod // by label app, one on each kind of node
}

// actor is a pod of scenarios: its image and what it runs.
type actor struct {
	image    string
	command  []string
	security *corev1.SecurityContext
}

// newCast makes a scene with the pods of actors on each kind of node. The tracers' namespace is there already, so that no
// session has to wait until that of the one before is gone.
func newCast(t *testing.T, actors map[string]actor) *cast {
	t.Helper()
	c := &cast{scene: newScene(t), pods: map[string][]*corev1.Pod{}}
	c.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged"})
	var mu sync.Mutex
	var starting sync.WaitGroup
	for app, a := range actors {
		for _, node := range c.kindsOfNodes() {
			starting.Go(func() {
				pod := c.pod(app+"-"+node, map[string]string{"app": app}, a.on(node))
				mu.Lock()
				defer mu.Unlock()
				c.pods[app] = append(c.pods[app], pod)
			})
		}
	}
	starting.Wait()
	return c
}

func (a actor) on(node string) corev1.PodSpec {
	spec := shell(node, "")
	c := &spec.Containers[0]
	c.Image, c.Command, c.SecurityContext = a.image, a.command, a.security
	return spec
}

// in is the cast for a subtest.
func (c *cast) in(t *testing.T) *cast {
	return &cast{scene: c.scene.in(t), pods: c.pods}
}

// play runs scenarios one after the other.
func (c *cast) play(t *testing.T, scenarios ...scenario) {
	for _, one := range scenarios {
		t.Run(one.name, func(t *testing.T) { c.in(t).perform(one) })
	}
}

// perform runs one scenario on all kinds of nodes at once and compares the lines.
func (c *cast) perform(one scenario) {
	c.Helper()
	b := c.background(append(slices.Clone(one.args), "-l", "app="+one.pods, "-o", "compact")...)
	if one.args[0] == "enforce" {
		b.awaitArmed(c.pods[one.pods])
		b.checkPreview(c.pods[one.pods], one.deniable)
	} else {
		b.awaitStart()
	}
	c.act(one)
	for _, pod := range c.pods[one.pods] {
		want := c.wanted(one, pod)
		last := want[len(want)-1]
		c.eventuallyDoing("in "+pod.Name+": "+last, func() bool {
			return count(one.compared(b.linesOf(pod)), last) >= count(want, last)
		})
	}
	b.interrupt()
	if one.tracepoints != nil {
		b.checkToldTiers(c.pods[one.pods])
	}
	for _, pod := range c.pods[one.pods] {
		got, want := one.compared(b.linesOf(pod)), c.wanted(one, pod)
		if !slices.Equal(got, want) {
			c.Errorf("%s on %s:\n%s\nwant:\n%s", pod.Name, pod.Spec.NodeName, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// act does what a scenario does in all its pods.
func (c *cast) act(one scenario) {
	var acting sync.WaitGroup
	for _, pod := range c.pods[one.pods] {
		acting.Go(func() { one.act(c.scene, pod.Name) })
	}
	acting.Wait()
}

// wanted are the lines about a pod.
func (c *cast) wanted(one scenario, pod *corev1.Pod) []string {
	c.Helper()
	if one.tracepoints != nil && c.onlyTracepoints(pod.Spec.NodeName) {
		return one.tracepoints
	}
	return one.want
}

// compared are the lines that a scenario is about.
func (one *scenario) compared(lines []string) []string {
	if one.entered {
		lines = lines[max(0, slices.IndexFunc(lines, isExec)):]
	}
	// What the container runtime does inside of a container before it starts its program: a document has it as "/proc/self/fd/6 init".
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, " POD / ") })
	if one.about != nil {
		lines = slices.DeleteFunc(lines, func(l string) bool { return !one.about.MatchString(l) })
	}
	return lines
}

func isExec(line string) bool { return strings.HasPrefix(line, "🚀") }

func count(lines []string, wanted string) int {
	n := 0
	for _, l := range lines {
		if l == wanted {
			n++
		}
	}
	return n
}

// awaitStart waits until all nodes are traced.
func (b *background) awaitStart() {
	b.Helper()
	b.eventuallyDoing("start of tracing", func() bool { return strings.Contains(b.err.String(), "💡 tracing ") })
}

// awaitArmed waits until the nodes of pods enforce.
func (b *background) awaitArmed(pods []*corev1.Pod) {
	b.Helper()
	for _, pod := range pods {
		b.eventuallyDoing("enforcement on "+pod.Spec.NodeName, func() bool {
			return strings.Contains(b.err.String(), "node "+pod.Spec.NodeName+": armed: ")
		})
	}
}

// linesOf are the lines of compact output about a pod, which is POD in them, without white space at their ends.
func (b *background) linesOf(pod *corev1.Pod) []string {
	return linesAbout(b.out.String(), b.namespace+"/"+pod.Name)
}

func linesAbout(output, source string) (lines []string) {
	for line := range strings.Lines(output) {
		if strings.Contains(line, source+" ") {
			lines = append(lines, strings.TrimRight(strings.ReplaceAll(line, source, "POD"), " \n"))
		}
	}
	return lines
}

// get asks the web server of a pod, on port 5000; an answer that does not come is "".
func (s *scene) get(pod, path string) string {
	answer, err := client.CoreV1().Pods(s.namespace).ProxyGet("http", pod, "5000", path, nil).DoRaw(s.Context())
	if err != nil {
		return ""
	}
	return string(answer)
}

// expectAnswer asks the web server of a pod, until it listens, and compares.
func (s *scene) expectAnswer(pod, path, want string) {
	s.Helper()
	var got string
	s.eventuallyDoing(fmt.Sprintf("%s%s answers %q", pod, path, want), func() bool {
		got = s.get(pod, path)
		return got != ""
	})
	if got != want {
		s.Errorf("%s%s: %q, want %q", pod, path, got, want)
	}
}
