// SPDX-License-Identifier: Apache-2.0

package advise

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// began is when the watch of these tests does.
var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func after(d time.Duration) *event.Timestamp { return &event.Timestamp{Time: began.Add(d)} }

// User namespaces: that of the machine, that of a container, and one that a process made.
var (
	machine = namespace{number: 4026531837, host: true}
	own     = namespace{number: 4026532000, level: 1}
	made    = namespace{number: 4026532001, level: 2}
)

// asked is a check of a process.
type asked struct {
	pod, container, program string
	capability              string
	denied                  bool
	uid                     uint32
	injected, foreign       bool
	in, of                  namespace
}

func (a asked) event() *event.Event {
	in, of := a.in, a.of
	if in.number == 0 {
		in = machine
	}
	if of.number == 0 {
		of = machine
	}
	number := int32(slices.Index(event.CapabilityNames(), a.capability))
	answer, inside := int32(0), !a.injected
	if a.denied {
		answer = -1
	}
	sets := [2]string{"000001ffffffffff", "000001ffffffffff"}
	if a.foreign {
		sets[compose.CapabilitiesOwn] = "0000000000000000"
	}
	p := &event.Process{Binary: a.program, Uid: &a.uid, InInitTree: &inside, Ns: &event.Namespaces{User: &event.Namespace{Inum: of.number, IsHost: of.host}}}
	if a.pod != "" {
		p.Pod = &event.Pod{Namespace: "demo", Name: a.pod, UID: a.pod + "-uid", Container: &event.Container{Name: a.container}}
	}
	return &event.Event{NodeName: "n1", Time: after(10 * time.Second), ProcessKprobe: &event.ProcessKprobe{
		Process: p, FunctionName: compose.CapabilityFunction, Return: &event.Argument{IntArg: &answer},
		Hooked: event.Hooked{
			PolicyName: compose.CapabilityPolicy,
			Args: []event.Argument{
				{UserNsArg: &event.UserNamespace{Level: &in.level, Ns: &event.Namespace{Inum: in.number, IsHost: in.host}}},
				{CapabilityArg: &event.CapabilityArg{Value: &number}},
			},
			Data: []event.Argument{{CapEffectiveArg: &sets[0]}, {CapEffectiveArg: &sets[1]}},
		},
	}}
}

// pod on a node, controlled by KIND/NAME if owner is not empty, with running containers that are changed by more.
func pod(name, node, owner string, more ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: name, UID: types.UID(name + "-uid")},
		Spec:       corev1.PodSpec{NodeName: node},
	}
	if kind, of, ok := strings.Cut(owner, "/"); ok {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: of, Controller: new(true)}}
	}
	for _, change := range more {
		change(p)
	}
	return p
}

// running adds a container that started so long after the watch.
func running(name string, start time.Duration, context *corev1.SecurityContext) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: name, SecurityContext: context})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: name, ContainerID: "containerd://" + name,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(began.Add(start))}},
		})
	}
}

// ended adds an init container that ran for a second.
func ended(name string, start time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: name})
		p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, corev1.ContainerStatus{
			Name: name, ContainerID: "containerd://" + name,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{StartedAt: metav1.NewTime(began.Add(start))}},
		})
	}
}

func labelled(key, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels = map[string]string{key: value} }
}

func capabilities(add, drop string) *corev1.SecurityContext {
	list := func(text string) (all []corev1.Capability) {
		for name := range strings.FieldsSeq(text) {
			all = append(all, corev1.Capability(name))
		}
		return all
	}
	return &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: list(add), Drop: list(drop)}}
}

func hello(node, refused string) *event.Event {
	return &event.Event{NodeName: node, Time: after(0), Hello: &event.Hello{Hooks: []event.Hook{
		{Name: "sched_process_exec"}, {Policy: compose.CapabilityPolicy, Name: compose.CapabilityFunction, Refused: refused},
	}}}
}

func bye(node, failed string) *event.Event {
	return &event.Event{NodeName: node, Time: after(time.Minute), Bye: &event.Bye{Error: failed}}
}

func lost(node, cause string, total uint64) *event.Event {
	return &event.Event{NodeName: node, Time: after(time.Second), Loss: &event.Loss{Cause: cause, Count: 1, Total: total}}
}

// story is what a session tells.
type story struct {
	options Options
	pods    []*corev1.Pod
	events  []*event.Event
}

var deployment = labelled("pod-template-hash", "abc")

// stories are told to a Watch; their advice is in golden files.
var stories = map[string]story{
	"deployment": {
		pods: []*corev1.Pod{
			pod("web-abc-1", "n1", "ReplicaSet/web-abc", deployment, ended("setup", time.Second), running("shell", 2*time.Second, nil), running("proxy", 2*time.Second, capabilities("NET_ADMIN", "ALL"))),
			pod("web-abc-2", "n1", "ReplicaSet/web-abc", deployment, ended("setup", -time.Hour), running("shell", 3*time.Second, nil), running("proxy", -time.Hour, capabilities("NET_ADMIN", "ALL"))),
		},
		events: []*event.Event{
			hello("n1", ""),
			asked{pod: "web-abc-1", container: "setup", program: "/bin/chown", capability: "CHOWN"}.event(),
			asked{pod: "web-abc-1", container: "shell", program: "/bin/sh", capability: "DAC_OVERRIDE"}.event(),
			asked{pod: "web-abc-2", container: "shell", program: "/bin/cat", capability: "DAC_OVERRIDE"}.event(),
			asked{pod: "web-abc-2", container: "shell", program: "/bin/dmesg", capability: "SYSLOG", denied: true}.event(),
			asked{pod: "web-abc-2", container: "shell", program: "/bin/dmesg", capability: "SYSLOG", denied: true, uid: 1000}.event(),
			asked{pod: "web-abc-1", container: "shell", program: "/bin/probe", capability: "NET_RAW", injected: true}.event(),
			asked{pod: "web-abc-1", container: "shell", program: "/bin/sh", capability: "SYS_ADMIN", foreign: true}.event(),
			asked{pod: "web-abc-1", container: "shell", program: "/bin/chroot", capability: "SYS_CHROOT", in: made}.event(),
			asked{pod: "web-abc-1", container: "shell", capability: "MKNOD"}.event(),
			asked{pod: "web-abc-1", container: "POD", program: "/pause", capability: "KILL"}.event(),
			bye("n1", ""),
		},
	},
	"incomplete": {
		pods: []*corev1.Pod{
			pod("seen", "n1", "", running("a", time.Second, nil)),
			pod("unseen", "n2", "", running("a", time.Second, nil)),
			pod("unheard", "n3", "", running("a", time.Second, nil)),
			pod("waiting", "", "", func(p *corev1.Pod) { p.Spec.Containers = []corev1.Container{{Name: "a"}} }),
		},
		events: []*event.Event{
			hello("n1", ""), hello("n2", "the kernel has no\nsuch function"), lost("n1", event.LostRing, 3), lost("n1", event.LostRing, 7), lost("n1", event.LostMissed, 0),
			asked{pod: "seen", program: "/bin/a", capability: "CHOWN"}.event(),
			asked{pod: "stranger", container: "a", program: "/bin/a", capability: "CHOWN"}.event(),
			bye("n2", ""), lost("n3", event.LostWire, 1),
		},
	},
	"kinds": {
		pods: []*corev1.Pod{
			pod("nightly-28000000-x", "n1", "Job/nightly-28000000", running("a", -time.Minute, nil)),
			pod("once-x", "n1", "Job/once", running("a", -time.Minute, nil)),
			pod("db-0", "n1", "StatefulSet/db", running("a", -time.Minute, nil)),
			pod("agent-x", "n1", "DaemonSet/agent", running("a", -time.Minute, &corev1.SecurityContext{Privileged: new(true)})),
			pod("roll-x", "n1", "Rollout/roll", running("a", -time.Minute, nil)),
			pod("bare", "n1", "", running("a", -time.Minute, nil)),
		},
		events: []*event.Event{hello("n1", ""), asked{pod: "agent-x", container: "a", program: "/bin/agent", capability: "SYS_ADMIN"}.event(), bye("n1", "")},
	},
	"own-user-namespace": {
		pods: []*corev1.Pod{pod("bare", "n1", "", running("a", time.Minute, nil))},
		events: []*event.Event{
			hello("n1", ""),
			asked{pod: "bare", container: "a", program: "/bin/chown", capability: "CHOWN", in: own, of: own}.event(),
			asked{pod: "bare", container: "a", program: "/bin/dmesg", capability: "SYSLOG", denied: true, of: own}.event(),
			asked{pod: "bare", container: "a", program: "/bin/chroot", capability: "SYS_CHROOT", in: made, of: own}.event(),
			asked{pod: "bare", container: "a", program: "/bin/chroot", capability: "SYS_CHROOT", in: made, of: made}.event(),
			asked{pod: "bare", container: "a", program: "/bin/date", capability: "SYS_TIME", denied: true, in: made, of: own}.event(),
			bye("n1", ""),
		},
	},
	"one-container": {
		options: Options{Containers: []string{"b"}},
		pods:    []*corev1.Pod{pod("bare", "n1", "", running("a", time.Second, nil), running("b", time.Second, nil))},
		events:  []*event.Event{hello("n1", ""), asked{pod: "bare", container: "b", program: "/bin/b", capability: "BPF"}.event(), bye("n1", "")},
	},
	"machine": {
		options: Options{Machine: "n1"},
		events: []*event.Event{
			hello("n1", ""), asked{program: "/bin/\x1b[31m\u202ered\n# fake", capability: "BPF", injected: true}.event(), bye("n1", ""),
		},
	},
	"idle-machine": {options: Options{Machine: "n1"}, events: []*event.Event{hello("n1", ""), bye("n1", "")}},
	"nothing":      {pods: []*corev1.Pod{pod("bare", "n1", "", running("a", time.Second, nil))}},
	"failed":       {options: Options{Machine: "n1"}, events: []*event.Event{hello("n1", ""), bye("n1", "no memory")}},
}

func tell(t *testing.T, s story, format string) string {
	t.Helper()
	var out bytes.Buffer
	s.options.Format = format
	w, err := New(&out, s.options)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.pods {
		w.Pod(p)
	}
	for _, e := range s.events {
		if err := w.Take(&pipeline.Item{Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() > 0 {
		t.Errorf("written before the end: %s", out.String())
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestStories(t *testing.T) {
	for name, s := range stories {
		for format, suffix := range map[string]string{"": ".txt", "json": ".json"} {
			t.Run(name+suffix, func(t *testing.T) {
				golden.Check(t, filepath.Join("testdata", name+suffix), tell(t, s, format))
			})
		}
	}
}

// The formats say the same, and what is written for people is YAML, a document for each patch.
func TestFormatsAgree(t *testing.T) {
	for name, s := range stories {
		var fromJSON, fromYAML Advice
		if err := errors.Join(json.Unmarshal([]byte(tell(t, s, "json")), &fromJSON), yaml.UnmarshalStrict([]byte(tell(t, s, "yaml")), &fromYAML)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		one, _ := json.Marshal(fromJSON)
		other, _ := json.Marshal(fromYAML)
		if !bytes.Equal(one, other) {
			t.Errorf("%s: json %s, yaml %s", name, one, other)
		}
		var patches []Patch
		for _, w := range fromJSON.Workloads {
			if w.Patch != nil {
				patches = append(patches, w.Patch)
			}
		}
		for document := range strings.SplitSeq(tell(t, s, ""), "---\n") {
			var p Patch
			if err := yaml.Unmarshal([]byte(document), &p); err != nil {
				t.Errorf("%s: %v:\n%s", name, err, document)
			}
			if p["kind"] == nil {
				continue
			}
			got, _ := json.Marshal(p)
			want, _ := json.Marshal(patches[0])
			if !bytes.Equal(got, want) {
				t.Errorf("%s: document %s, patch %s", name, got, want)
			}
			patches = patches[1:]
		}
		if len(patches) > 0 {
			t.Errorf("%s: %d patches are not written", name, len(patches))
		}
	}
}

func TestGiven(t *testing.T) {
	everything := event.CapabilityNames()
	for name, test := range map[string]struct {
		context *corev1.SecurityContext
		id      string
		want    []string
		unknown bool
	}{
		"containerd":             {nil, "containerd://1", inOrder(slices.Clone(containerdDefault)), false},
		"docker":                 {nil, "docker://1", inOrder(slices.Clone(containerdDefault)), false},
		"CRI-O":                  {&corev1.SecurityContext{}, "cri-o://1", inOrder(slices.Clone(crioDefault)), false},
		"another runtime":        {nil, "other://1", nil, true},
		"no ID yet":              {capabilities("BPF", ""), "", []string{"BPF"}, true},
		"added to another's":     {capabilities("BPF", "KILL"), "other://1", []string{"BPF"}, true},
		"dropped all of another": {capabilities("BPF", "ALL"), "other://1", []string{"BPF"}, false},
		"added all":              {capabilities("ALL", "bpf CAP_KILL"), "other://1", slices.DeleteFunc(slices.Clone(everything), func(n string) bool { return n == "BPF" || n == "KILL" }), false},
		"added and dropped all":  {capabilities("ALL KILL", "ALL"), "containerd://1", []string{"KILL"}, false},
		"spelled otherwise":      {capabilities("cap_sys_time CAP_BPF", "all"), "containerd://1", []string{"SYS_TIME", "BPF"}, false},
		"of a newer kernel":      {capabilities("NEWER BPF", "ALL"), "containerd://1", []string{"BPF", "NEWER"}, false},
		"privileged":             {&corev1.SecurityContext{Privileged: new(true), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}, "other://1", everything, false},
	} {
		if got, ok := given(test.context, test.id); !slices.Equal(got, test.want) || ok == test.unknown {
			t.Errorf("%s: %q, %t", name, got, ok)
		}
	}
	if len(containerdDefault) != 14 || len(crioDefault) != 9 {
		t.Errorf("%d and %d capabilities by default", len(containerdDefault), len(crioDefault))
	}
}

// What a node says takes no more room than there is.
func TestBounds(t *testing.T) {
	w, err := New(&bytes.Buffer{}, Options{Machine: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * mostAnswers {
		a := asked{program: "/bin/" + strings.Repeat("a", i), capability: "BPF", uid: uint32(i), of: namespace{number: uint32(i) + 1}}
		if err := w.Take(&pipeline.Item{Event: a.event()}); err != nil {
			t.Fatal(err)
		}
	}
	u := w.containers[container{}]
	if len(u.answers) != mostAnswers || !u.cut {
		t.Errorf("%d answers, cut: %t", len(u.answers), u.cut)
	}
	for i := range mostContainers + 5 {
		e := asked{program: "/bin/a", capability: "BPF"}.event()
		e.ProcessKprobe.Process.Docker = strings.Repeat("a", i%7) + string(rune('0'+i))
		if err := w.Take(&pipeline.Item{Event: e}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.containers) > mostContainers || w.unnamed == 0 {
		t.Errorf("%d containers, %d not kept", len(w.containers), w.unnamed)
	}
}

// Events that are no capability checks, or broken ones, count for nothing.
func TestOtherEvents(t *testing.T) {
	zero, one := int32(0), int32(1)
	for _, e := range []*event.Event{
		{}, {ProcessExec: &event.ProcessExec{Process: &event.Process{Binary: "/bin/a"}}},
		{ProcessKprobe: &event.ProcessKprobe{}},
		{ProcessKprobe: &event.ProcessKprobe{FunctionName: compose.CapabilityFunction, Return: &event.Argument{IntArg: &zero}}},
		{ProcessKprobe: &event.ProcessKprobe{FunctionName: compose.CapabilityFunction, Hooked: event.Hooked{Args: []event.Argument{{CapabilityArg: &event.CapabilityArg{Value: &one}}}}}},
		{ProcessKprobe: &event.ProcessKprobe{FunctionName: "capable", Return: &event.Argument{IntArg: &zero}, Hooked: event.Hooked{Args: []event.Argument{{CapabilityArg: &event.CapabilityArg{Value: &one}}}}}},
	} {
		if c := readCheck(e); c != nil {
			t.Errorf("%+v is taken for a check", e)
		}
	}
	if _, err := New(nil, Options{Format: "tree"}); err == nil || !strings.Contains(err.Error(), "json, yaml") {
		t.Errorf("format tree: %v", err)
	}
}
