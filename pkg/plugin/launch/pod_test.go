// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

func testConfig() Config {
	return Config{Namespace: "trace-sec", Image: "example.test/tracer@sha256:0123", Session: "0123456789ab", Version: "v1.2.3+dirty",
		Deadline: time.Hour, Expires: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// imagePod is a tracer pod whose image holds the tracer, for a node with a kernel that counts BPF as the pod's memory.
func imagePod(c Config, tracer wire.TracerConfig) *corev1.Pod {
	return tracerPod(c, Program{image: c.Image, policy: cmp.Or(c.PullPolicy, corev1.PullIfNotPresent), kernel: "5.11.0"}, tracer)
}

func TestTracerPod(t *testing.T) {
	config := wire.TracerConfig{Node: "node-1", Targets: wire.Targets{Pods: []wire.Pod{{UID: "11111111-2222-3333-4444-555555555555"}}}}
	for name, change := range map[string]func(*Config, *wire.TracerConfig){
		"default": func(*Config, *wire.TracerConfig) {},
		"options": func(c *Config, tracer *wire.TracerConfig) {
			c.Reattach, c.PullPolicy, c.PullSecrets, c.Deadline = true, corev1.PullAlways, []string{"a", "b"}, 0
			tracer.Node = strings.Repeat("long.", 50) + "x"
		},
		"policies": func(c *Config, tracer *wire.TracerConfig) {
			c.Hooks = []*policy.Hook{{Kind: policy.Kprobe}, {Kind: policy.Tracepoint}, {Kind: policy.Uprobe}}
			tracer.Policies = []wire.PolicySource{{Name: "p.yaml", Text: "kind: TracingPolicy"}}
		},
		"carried": func(c *Config, _ *wire.TracerConfig) {
			c.Delivery = Delivery{Tracers: carriedTracers(), BaseImage: "registry.example/web:1"}
		},
		"restricted": func(c *Config, tracer *wire.TracerConfig) {
			c.Delivery, c.TargetNamespaces = Delivery{Tracers: carriedTracers()}, []string{"shop"}
			tracer.Enforce = true
		},
		"armed": func(c *Config, tracer *wire.TracerConfig) {
			c.Armed, tracer.Enforce, tracer.Hold = true, true, true
			tracer.Policies = []wire.PolicySource{{Name: "p.yaml", Text: "kind: TracingPolicy"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, tracer := testConfig(), config
			change(&c, &tracer)
			l := New(newCluster(t), nil, c)
			if name == "restricted" {
				l.guarded = &guardedNamespace{Admission{Tracers: []string{"digest-amd64"}, BaseImages: []string{"registry.example/pause:1"}}, "jane@example.com"}
			}
			pod, _, err := l.Pod(completed(c, tracer))
			if err != nil {
				t.Fatal(err)
			}
			text, err := yaml.Marshal(pod)
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, "testdata/pod-"+name+".yaml", text)
			for _, problem := range validation.IsDNS1123Label(pod.Name) {
				t.Errorf("name %q: %s", pod.Name, problem)
			}
			for key, value := range pod.Labels {
				for _, problem := range append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...) {
					t.Errorf("label %s=%s: %s", key, value, problem)
				}
			}
		})
	}
}

// Kinds of hooks need what they need, and nothing of the others.
func TestPrivileges(t *testing.T) {
	const least, program, tracing = "BPF PERFMON", "BPF PERFMON SYS_ADMIN SYS_PTRACE", " /sys/kernel/tracing"
	posting := func(a policy.Action) policy.Hook {
		return policy.Hook{Kind: policy.Kprobe, Selectors: []policy.Selector{{}, {Actions: []policy.Action{{}, a}}}}
	}
	user, kernel := posting(policy.Action{UserStackTrace: true}), posting(policy.Action{KernelStackTrace: true})
	kernel.Selectors[1].ReturnActions, kernel.Selectors[1].Actions = kernel.Selectors[1].Actions, nil
	kind := func(k policy.HookKind) []*policy.Hook { return []*policy.Hook{{Kind: k}} }
	for name, test := range map[string]struct {
		hooks []*policy.Hook
		want  string
	}{
		"none": {nil, least}, "kprobe": {kind(policy.Kprobe), least}, "fentry": {kind(policy.Fentry), least}, "LSM": {kind(policy.LSM), least},
		"loader": {kind(policy.Loader), program}, "raw tracepoint": {kind(policy.RawTracepoint), least},
		"tracepoint": {kind(policy.Tracepoint), least + tracing}, "uprobe": {kind(policy.Uprobe), program}, "usdt": {kind(policy.USDT), program},
		"pattern":      {[]*policy.Hook{{Kind: policy.Kprobe, Pattern: regexp.MustCompile("^tcp_")}}, least + tracing},
		"user stack":   {[]*policy.Hook{&user}, least + " SYS_PTRACE"},
		"restricted":   {nil, least + " " + podLogs},
		"kernel stack": {[]*policy.Hook{&kernel}, least + " SYSLOG"},
		"all":          {[]*policy.Hook{&kernel, &user, {Kind: policy.USDT}, {Kind: policy.Tracepoint}, {Kind: policy.Tracepoint}}, program + " SYSLOG" + tracing},
	} {
		c := testConfig()
		c.Hooks = test.hooks
		spec := imagePod(c, wire.TracerConfig{}).Spec
		if name == "restricted" {
			c.TargetNamespaces = []string{"shop"}
			spec = tracerPod(c, Program{image: c.Image, kernel: "5.11.0", guarded: &guardedNamespace{creator: "jane"}}, wire.TracerConfig{}).Spec
		}
		var got []string
		for _, capability := range spec.Containers[0].SecurityContext.Capabilities.Add {
			got = append(got, string(capability))
		}
		for i, v := range spec.Volumes {
			m := spec.Containers[0].VolumeMounts[i]
			if m.Name != v.Name || !m.ReadOnly || m.MountPath != v.HostPath.Path {
				t.Errorf("%s: volume %+v is mounted as %+v", name, v, m)
			}
			got = append(got, v.HostPath.Path)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	for _, p := range privileges {
		if p.why == "" {
			t.Errorf("nothing says why %s%s", p.capability, p.directory)
		}
	}
}

// Only kernels that count BPF as locked memory, and those that nobody knows, have its limit lifted.
func TestPrivilegeByKernel(t *testing.T) {
	for kernel, want := range map[string]bool{
		"": true, "unknown": true, "5.10.0-28-cloud-amd64": true, "5.10.223-212.873.amzn2.x86_64": true, "4.18.0-553.el8_10.x86_64": true,
		"5.11.0": false, "5.14.0-427.13.1.el9_4.x86_64": false, "5.15.0-1053-gke": false, "6.1.0": false, "10.0": false,
	} {
		c := newCluster(t, readyNode("n1", func(n *corev1.Node) { n.Status.NodeInfo.KernelVersion = kernel }))
		l := c.launcher(t)
		if refused, _ := l.Look(soon(t), []string{"n1"}); len(refused) > 0 {
			t.Fatal(refused[0])
		}
		pod, _, err := l.Pod(testTracerConfig("n1"))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(pod.Spec.Containers[0].SecurityContext.Capabilities.Add, "SYS_RESOURCE"); got != want {
			t.Errorf("kernel %q: SYS_RESOURCE %t, want %t", kernel, got, want)
		}
	}
}

// The kubelet expands $(NAME) and turns $$ into $ in arguments: a configuration must come through as it is.
func TestTracerConfigSurvivesTheKubelet(t *testing.T) {
	config := wire.TracerConfig{Node: "n", Targets: wire.Targets{Cgroups: []string{"/a$$b/$(HOME)/${x}", `quote " and \u0024`}}}
	args := imagePod(testConfig(), completed(testConfig(), config)).Spec.Containers[0].Args
	document := args[len(args)-1]
	if strings.Contains(document, "$") {
		t.Errorf("a dollar sign in %s", document)
	}
	got, err := wire.ParseTracerConfig([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range config.Targets.Cgroups {
		if got.Targets.Cgroups[i] != want {
			t.Errorf("cgroup %q, want %q", got.Targets.Cgroups[i], want)
		}
	}
	if got.Session != testConfig().Session || time.Duration(got.Deadline) != time.Hour || time.Duration(got.Silence) != Silence {
		t.Errorf("not completed: %+v", got)
	}
}

func TestPodNameDependsOnNodeAndSession(t *testing.T) {
	names := map[string]bool{}
	for _, session := range []string{"0123456789ab", "fedcba987654"} {
		for _, node := range []string{"a", "b", strings.Repeat("n", 253)} {
			names[podName(session, node)] = true
		}
	}
	if len(names) != 6 {
		t.Errorf("6 pods have %d names: %v", len(names), names)
	}
}

func TestConfigValidate(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"tracer namespace": func(c *Config) { c.Namespace = "No_Namespace" },
		"--image":          func(c *Config) { c.Image = " " },
		"session":          func(c *Config) { c.Session = "UPPER CASE" },
		"duration":         func(c *Config) { c.Deadline = -1 },
	} {
		c := testConfig()
		if err := c.Validate(); err != nil {
			t.Fatalf("good configuration: %v", err)
		}
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	c := testConfig()
	c.Session = NewSession()
	if err := c.Validate(); err != nil || c.Session == NewSession() {
		t.Errorf("NewSession %q: %v", c.Session, err)
	}
}
