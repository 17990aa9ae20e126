// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// dishonest is a pod that tries to get round the admission policy: the plugin's own, but for one change.
type dishonest struct {
	name string
	// user is observer when empty.
	user   string
	change func(p *corev1.Pod, c *corev1.Container)
	// want is a part of the refusal.
	want string
}

func arg(i int, value string) func(*corev1.Pod, *corev1.Container) {
	return func(_ *corev1.Pod, c *corev1.Container) { c.Args[i] = value }
}

func command(i int, value string) func(*corev1.Pod, *corev1.Container) {
	return func(_ *corev1.Pod, c *corev1.Container) { c.Command[i] = value }
}

func onSpec(change func(*corev1.PodSpec)) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, _ *corev1.Container) { change(&p.Spec) }
}

func onContainer(change func(*corev1.Container)) func(*corev1.Pod, *corev1.Container) {
	return func(_ *corev1.Pod, c *corev1.Container) { change(c) }
}

func onSecurity(change func(*corev1.SecurityContext)) func(*corev1.Pod, *corev1.Container) {
	return func(_ *corev1.Pod, c *corev1.Container) { change(c.SecurityContext) }
}

// hostPath adds a directory of the node, mounted at the same path.
func hostPath(name, path string, readOnly bool) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, c *corev1.Container) {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path}}})
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: path, ReadOnly: readOnly})
	}
}

// volume changes the volume of this name.
func volume(name string, change func(*corev1.Volume)) func(*corev1.Pod, *corev1.Container) {
	return func(p *corev1.Pod, _ *corev1.Container) {
		for i := range p.Spec.Volumes {
			if p.Spec.Volumes[i].Name == name {
				change(&p.Spec.Volumes[i])
			}
		}
	}
}

// mount changes the mount of the volume of this name.
func mount(name string, change func(*corev1.VolumeMount)) func(*corev1.Pod, *corev1.Container) {
	return func(_ *corev1.Pod, c *corev1.Container) {
		for i := range c.VolumeMounts {
			if c.VolumeMounts[i].Name == name {
				change(&c.VolumeMounts[i])
			}
		}
	}
}

// byImage makes a pod one whose image has the tracer.
func byImage(image string) func(*corev1.Pod, *corev1.Container) {
	return func(_ *corev1.Pod, c *corev1.Container) { c.Image, c.Command = image, []string{"/trace-sec-tracer"} }
}

// otherRuntime is a RuntimeClass.
const otherRuntime = "e2e-admission"

var other = corev1.Container{Name: "other", Image: baseImage}

var dishonestPods = []dishonest{
	// What runs.
	{name: "another tracer", change: command(1, strings.Repeat("0", 64)), want: "is not among the tracers"},
	{name: "no digest", change: command(1, ""), want: "is not among the tracers"},
	{name: "another program", change: command(0, "/bin/sh"), want: "a tracer's command is"},
	{name: "a program of the image", change: onContainer(func(c *corev1.Container) { c.Command = []string{"/bin/sh"} }), want: "is not among the images"},
	{name: "the entry point of the image", change: onContainer(func(c *corev1.Container) { c.Command = nil }), want: "is not among the images"},
	{name: "what the starter executes", change: command(4, "/bin/sh"), want: "a tracer's command is"},
	{name: "a size that is none", change: command(2, "$(X)"), want: "a tracer's command is"},
	{name: "an image of one's own, whose volumes and environment would come with it", change: onContainer(func(c *corev1.Container) { c.Image = "localhost/busybox:1" }), want: "image localhost/busybox:1 is not among the baseImages"},
	{name: "another image with a tracer", change: byImage("ghcr.io/kubectl-trace-sec/tracer@sha256:" + strings.Repeat("0", 64)), want: "is not among the images"},
	{name: "an image without a digest", change: byImage("ghcr.io/kubectl-trace-sec/tracer:latest"), want: "is not among the images"},
	{name: "a base image as one with a tracer", change: byImage(baseImage), want: "is not among the images"},
	{name: "another starter", change: volume("starter", func(v *corev1.Volume) { v.ConfigMap.Name = "trace-sec-starter-of-mine" }), want: "a tracer's volumes"},
	{name: "a starter from a secret", change: volume("starter", func(v *corev1.Volume) {
		v.VolumeSource = corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "mine"}}
	}), want: "a tracer's volumes"},
	{name: "no starter", change: func(p *corev1.Pod, c *corev1.Container) { p.Spec.Volumes, c.VolumeMounts = nil, nil }, want: "has the volume with its starter"},
	{name: "the starter's place taken by the volume in memory", change: func(p *corev1.Pod, c *corev1.Container) {
		mount("memory", func(m *corev1.VolumeMount) { m.MountPath = c.VolumeMounts[1].MountPath + "/x" })(p, c)
	}, want: "at its place"},
	{name: "the environment", change: onContainer(func(c *corev1.Container) { c.Env = []corev1.EnvVar{{Name: "GODEBUG", Value: "x"}} }), want: "does not have: env"},
	{name: "an environment from elsewhere", change: onContainer(func(c *corev1.Container) {
		c.EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "x"}}}}
	}), want: "does not have: envFrom"},
	{name: "a hook at start", change: onContainer(func(c *corev1.Container) {
		c.Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh"}}}}
	}), want: "does not have: lifecycle"},
	{name: "a probe that executes", change: onContainer(func(c *corev1.Container) {
		c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh"}}}}
	}), want: "does not have: livenessProbe"},
	{name: "a directory to start in", change: onContainer(func(c *corev1.Container) { c.WorkingDir = "/proc/1" }), want: "workingDir /"},
	{name: "a last message over the starter", change: onContainer(func(c *corev1.Container) { c.TerminationMessagePath = c.Command[0] }), want: "terminationMessagePath"},
	{name: "a terminal", change: onContainer(func(c *corev1.Container) { c.TTY = true }), want: "does not have: tty"},
	// Others in the pod.
	{name: "a second container", change: onSpec(func(s *corev1.PodSpec) { s.Containers = append(s.Containers, other) }), want: "has one container"},
	{name: "a container before it", change: onSpec(func(s *corev1.PodSpec) { s.InitContainers = []corev1.Container{other} }), want: "has one container"},
	{name: "a sidecar", change: onSpec(func(s *corev1.PodSpec) {
		c := other
		c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		s.InitContainers = []corev1.Container{c}
	}), want: "has one container"},
	// What it may do.
	{name: "privileged", change: onSecurity(func(c *corev1.SecurityContext) {
		c.Privileged, c.AllowPrivilegeEscalation = new(true), new(true)
	}), want: "not privileged"},
	{name: "privilege escalation", change: onSecurity(func(c *corev1.SecurityContext) { c.AllowPrivilegeEscalation = new(true) }), want: "no privilege escalation"},
	{name: "a capability", change: onSecurity(func(c *corev1.SecurityContext) { c.Capabilities.Add = append(c.Capabilities.Add, "SYS_MODULE") }), want: "drops all capabilities but some of"},
	{name: "all capabilities", change: onSecurity(func(c *corev1.SecurityContext) { c.Capabilities.Add = []corev1.Capability{"ALL"} }), want: "drops all capabilities but some of"},
	{name: "the usual capabilities", change: onSecurity(func(c *corev1.SecurityContext) { c.Capabilities.Drop = nil }), want: "drops all capabilities but some of"},
	{name: "no security context", change: onContainer(func(c *corev1.Container) { c.SecurityContext = nil }), want: "a tracer's securityContext"},
	{name: "a root that can be written to", change: onSecurity(func(c *corev1.SecurityContext) { c.ReadOnlyRootFilesystem = new(false) }), want: "a read-only root"},
	{name: "a way to mask /proc", change: onSecurity(func(c *corev1.SecurityContext) { c.ProcMount = new(corev1.DefaultProcMount) }), want: "a tracer's securityContext"},
	{name: "a profile of the node", change: onSecurity(func(c *corev1.SecurityContext) {
		c.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: new("x")}
	}), want: "a tracer's profiles"},
	{name: "another user of SELinux", change: onSecurity(func(c *corev1.SecurityContext) { c.SELinuxOptions.User = "system_u" }), want: "a tracer's profiles"},
	{name: "a device", change: onContainer(func(c *corev1.Container) {
		c.Resources.Limits["example.com/kmsg"] = resource.MustParse("1")
		c.Resources.Requests["example.com/kmsg"] = resource.MustParse("1")
	}), want: "no resources but cpu and memory"},
	{name: "the network of the node", change: onSpec(func(s *corev1.PodSpec) { s.HostNetwork = true }), want: "does not have: spec.hostNetwork"},
	{name: "the IPC of the node", change: onSpec(func(s *corev1.PodSpec) { s.HostIPC = true }), want: "does not have: spec.hostIPC"},
	{name: "a port of the node", change: onContainer(func(c *corev1.Container) { c.Ports = []corev1.ContainerPort{{ContainerPort: 1, HostPort: 1}} }), want: "does not have: ports"},
	{name: "names of hosts", change: onSpec(func(s *corev1.PodSpec) { s.HostAliases = []corev1.HostAlias{{IP: "127.0.0.1"}} }), want: "does not have: spec.hostAliases"},
	{name: "settings of the kernel", change: onSpec(func(s *corev1.PodSpec) {
		s.SecurityContext = &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: "kernel.shm_rmid_forced", Value: "1"}}}
	}), want: "does not have: spec.securityContext"},
	{name: "groups", change: onSpec(func(s *corev1.PodSpec) {
		s.SecurityContext = &corev1.PodSecurityContext{SupplementalGroups: []int64{1}}
	}), want: "does not have: spec.securityContext"},
	{name: "another runtime", change: onSpec(func(s *corev1.PodSpec) { s.RuntimeClassName = new(otherRuntime) }), want: "does not have: spec.runtimeClassName"},
	{name: "a user namespace", change: onSpec(func(s *corev1.PodSpec) { s.HostUsers, s.HostPID = new(false), false }), want: "does not have: spec.hostUsers"},
	{name: "one pid namespace for all containers", change: onSpec(func(s *corev1.PodSpec) { s.HostPID, s.ShareProcessNamespace = false, new(true) }), want: "does not have: spec.shareProcessNamespace"},
	{name: "a claim on a device", change: onSpec(func(s *corev1.PodSpec) {
		s.ResourceClaims = []corev1.PodResourceClaim{{Name: "x", ResourceClaimName: new("x")}}
	}), want: "does not have: spec.resourceClaims"},
	{name: "a class that evicts others", change: onSpec(func(s *corev1.PodSpec) { s.PriorityClassName = "system-node-critical" }), want: "no system priority class"},
	{name: "a token", change: onSpec(func(s *corev1.PodSpec) { s.AutomountServiceAccountToken = new(true) }), want: "no token of the API"},
	{name: "another service account", change: onSpec(func(s *corev1.PodSpec) { s.ServiceAccountName = "other" }), want: "no token of the API"},
	{name: "a token in a volume", change: func(p *corev1.Pod, _ *corev1.Container) {
		p.Spec.ServiceAccountName = "default"
		p.Spec.Volumes[len(p.Spec.Volumes)-1].VolumeSource = corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}}}}
	}, want: "a tracer's volumes"},
	// What it sees of the node.
	{name: "the root of the node", change: hostPath("root", "/", true), want: "a tracer's volumes"},
	{name: "the runtime's socket as tracefs", change: hostPath("tracing", "/run/containerd", true), want: "a tracer's volumes"},
	{name: "tracefs, to write to", change: hostPath("tracing", "/sys/kernel/tracing", false), want: "read-only"},
	{name: "logs of pods, to write to", change: mount("pods", func(m *corev1.VolumeMount) { m.ReadOnly = false }), want: "read-only"},
	{name: "another directory as that of logs", change: volume("pods", func(v *corev1.Volume) { v.HostPath.Path = "/tmp" }), want: "a tracer's volumes"},
	{name: "a directory of one's own as that of logs", change: volume("pods", func(v *corev1.Volume) {
		v.VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	}), want: "a tracer's volumes"},
	{name: "a part of a volume", change: mount("starter", func(m *corev1.VolumeMount) { m.SubPath = "x" }), want: "at its place"},
	{name: "mounts that spread", change: mount("pods", func(m *corev1.VolumeMount) { m.MountPropagation = new(corev1.MountPropagationHostToContainer) }), want: "at its place"},
	// How long, and where.
	{name: "without an end", change: onSpec(func(s *corev1.PodSpec) { s.ActiveDeadlineSeconds = nil }), want: "a tracer pod ends"},
	{name: "for a year", change: onSpec(func(s *corev1.PodSpec) { s.ActiveDeadlineSeconds = new(int64(31_536_000)) }), want: "a tracer pod ends"},
	{name: "again and again", change: onSpec(func(s *corev1.PodSpec) { s.RestartPolicy = corev1.RestartPolicyAlways }), want: "a tracer pod ends"},
	{name: "no node", change: onSpec(func(s *corev1.PodSpec) { s.NodeName = "" }), want: "names its node"},
	// Whose it is.
	{name: "the name of somebody else's", change: func(p *corev1.Pod, _ *corev1.Container) { p.Name = p.Name[:30] + hex.EncodeToString([]byte(enforcer)) }, want: "which stands for you"},
	{name: "a name that ends as one's own does", change: func(p *corev1.Pod, _ *corev1.Container) {
		p.Name = p.Name[:30] + hex.EncodeToString([]byte(enforcer)) + p.Name[29:]
	}, want: "which stands for you"},
	{name: "a name of no tracer", change: func(p *corev1.Pod, _ *corev1.Container) { p.Name = "mine" }, want: "a tracer pod's name is"},
	{name: "a name that the API server makes", change: func(p *corev1.Pod, _ *corev1.Container) { p.Name, p.GenerateName = "", p.Name }, want: "a tracer pod"},
	{name: "an owner", change: func(p *corev1.Pod, _ *corev1.Container) {
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "x", UID: "x"}}
	}, want: "no metadata but"},
	{name: "what keeps it from being removed", change: func(p *corev1.Pod, _ *corev1.Container) { p.Finalizers = []string{"example.com/x"} }, want: "no metadata but"},
	{name: "an annotation for the runtime", change: func(p *corev1.Pod, _ *corev1.Container) { p.Annotations["cdi.k8s.io/x"] = "example.com/device=kmsg" }, want: "no labels and annotations but"},
	{name: "a label that a service selects", change: func(p *corev1.Pod, _ *corev1.Container) { p.Labels["app"] = "web" }, want: "no labels and annotations but"},
	// Whom it may trace.
	{name: "the namespace of others", change: arg(0, "--namespaces=kube-system"), want: "you may not trace namespace kube-system"},
	{name: "the namespace of others beside one's own", change: func(_ *corev1.Pod, c *corev1.Container) { c.Args[0] += ",kube-system" }, want: "you may not trace namespace kube-system"},
	{name: "the namespace of others as the fourth", change: func(_ *corev1.Pod, c *corev1.Container) {
		own := strings.TrimPrefix(c.Args[0], "--namespaces=")
		c.Args[0] += "," + own + "," + own + ",default"
	}, want: "you may not trace namespace default"},
	{name: "five namespaces", change: func(_ *corev1.Pod, c *corev1.Container) {
		own := strings.TrimPrefix(c.Args[0], "--namespaces=")
		c.Args[0] += strings.Repeat(","+own, 4)
	}, want: "four at most"},
	{name: "all namespaces", change: arg(0, "--namespaces=*"), want: "you may not trace all namespaces"},
	{name: "all namespaces among others", change: arg(0, "--namespaces=*,*"), want: "a tracer's arguments"},
	{name: "no namespace", change: arg(0, "--namespaces="), want: "a tracer's arguments"},
	{name: "without namespaces", change: onContainer(func(c *corev1.Container) { c.Args = c.Args[1:] }), want: "a tracer's arguments"},
	{name: "namespaces once more", change: onContainer(func(c *corev1.Container) { c.Args = append(c.Args, "--namespaces=*") }), want: "a tracer's arguments"},
	{name: "namespaces in place of the configuration", change: func(_ *corev1.Pod, c *corev1.Container) { c.Args[1] = "--namespaces" }, want: "a tracer's arguments"},
	{name: "a namespace of variables", change: arg(0, "--namespaces=$(X)"), want: "a tracer's arguments"},
	{name: "somebody who may trace no pods", user: stranger, change: func(*corev1.Pod, *corev1.Container) {}, want: "you may not trace namespace"},
	{name: "enforcing without the role", change: onContainer(func(c *corev1.Container) { c.Args = append([]string{c.Args[0], "--enforce"}, c.Args[1:]...) }), want: "you may not enforce"},
	{name: "enforcing in other words", change: onContainer(func(c *corev1.Container) { c.Args = append([]string{c.Args[0], "-enforce"}, c.Args[1:]...) }), want: "a tracer's arguments"},
	{name: "enforcing after the configuration", change: onContainer(func(c *corev1.Container) { c.Args = append(c.Args, "--enforce") }), want: "a tracer's arguments"},
}

// judge has the API server judge a pod.
func (g *guarded) judge(user string, pod *corev1.Pod) error {
	_, err := g.as(user).CoreV1().Pods(g.tracers).Create(g.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// named makes a pod a user's own.
func named(pod *corev1.Pod, user string) *corev1.Pod {
	own := pod.DeepCopy()
	own.Name = pod.Name[:30] + hex.EncodeToString([]byte(user))
	return own
}

// Pods of exactly the tracer's shape are let in, by users who have just the rights of a role, and no others.
func TestAdmission(t *testing.T) {
	g := newGuarded(t)
	g.pod("busy", nil, shell(g.nodes[0], sayName))
	g.apply("{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: " + otherRuntime + "}, handler: other}")
	g.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: other, namespace: " + g.tracers + "}}")
	honest := g.printedPod(observer, "exec", "busy")
	if err := g.judge(observer, honest); err != nil {
		t.Fatalf("the plugin's own pod: %v", err)
	}
	t.Run("pods", func(t *testing.T) {
		for _, d := range dishonestPods {
			t.Run(d.name, func(t *testing.T) {
				user := d.user
				if user == "" {
					user = observer
				}
				pod := named(honest, user)
				d.change(pod, &pod.Spec.Containers[0])
				err := g.in(t).judge(user, pod)
				if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "'trace-sec-tracers'") || !strings.Contains(err.Error(), d.want) {
					t.Errorf("%v, want a refusal with %q", err, d.want)
				}
			})
		}
	})
	t.Run("the verbs' pods", g.verbsPods)
	t.Run("pods of controllers", g.podsOfControllers)
	t.Run("ConfigMaps", g.configMaps)
	t.Run("what is there", func(t *testing.T) { g.in(t).whatIsThere(honest) })
}

func (g *guarded) in(t *testing.T) *guarded {
	return &guarded{scene: g.scene.in(t), config: g.config, objects: g.objects}
}

// verbsPods: whatever the plugin starts is let in, and who lacks a right is told before anything is started.
func (g *guarded) verbsPods(t *testing.T) {
	for name, test := range map[string]struct {
		user    string
		args    []string
		refused string
	}{
		"exec":                                  {observer, []string{"exec", "busy"}, ""},
		"file":                                  {observer, []string{"file", "--prefix", "/etc", "busy"}, ""},
		"net":                                   {observer, []string{"net", "busy"}, ""},
		"creds":                                 {observer, []string{"creds", "busy"}, ""},
		"caps":                                  {observer, []string{"caps", "busy"}, ""},
		"hook":                                  {observer, []string{"hook", "tcp_connect", "--arg", "0:sock", "busy"}, ""},
		"uprobe":                                {observer, []string{"hook", "uprobe:/bin/busybox:main", "busy"}, ""},
		"tracepoint":                            {observer, []string{"hook", "tracepoint:raw_syscalls/sys_enter", "busy"}, ""},
		"detect":                                {observer, []string{"detect", "busy", "--rules", "testdata/detect/falco.yaml"}, ""},
		"enforce":                               {enforcer, []string{"enforce", "busy", "--deny-exec", "/usr/bin/nc", "--yes"}, ""},
		"all namespaces":                        {everywhere, []string{"exec", "busy"}, ""},
		"enforce, without the role":             {observer, []string{"enforce", "busy", "--deny-exec", "/usr/bin/nc", "--yes"}, "you may not enforce"},
		"exec, without the right to exec there": {stranger, []string{"exec", "busy"}, "you may not trace namespace " + g.namespace},
	} {
		t.Run(name, func(t *testing.T) {
			got := g.in(t).run(append(test.args, "--as="+test.user, "--as-group=system:authenticated", "--dry-run=server", "--tracer=carried", "-o", "yaml")...)
			if test.refused == "" && (got.code != 0 || !strings.Contains(got.stdout, "kind: Pod")) || test.refused != "" && (got.code != 1 || !strings.Contains(got.stderr, test.refused)) {
				t.Errorf("it ends with %d, %s", got.code, got.stderr)
			}
		})
	}
}

// podsOfControllers: who may make what makes pods has no more rights by that.
func (g *guarded) podsOfControllers(t *testing.T) {
	pod := g.printedPod(observer, "exec", "busy")
	labels := map[string]string{"app": "x"}
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "x"}, Spec: appsv1.ReplicaSetSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod.Spec},
	}}
	set.Spec.Template.Spec.RestartPolicy, set.Spec.Template.Spec.ActiveDeadlineSeconds = corev1.RestartPolicyAlways, nil
	if _, err := client.AppsV1().ReplicaSets(g.tracers).Create(t.Context(), set, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	g.in(t).eventually("the refusal of its pods", func(ctx context.Context) bool {
		got, err := client.AppsV1().ReplicaSets(g.tracers).Get(ctx, "x", metav1.GetOptions{})
		if err != nil || len(got.Status.Conditions) == 0 {
			return false
		}
		return strings.Contains(got.Status.Conditions[0].Message, "'trace-sec-tracers'")
	})
	if err := client.AppsV1().ReplicaSets(g.tracers).Delete(t.Context(), "x", metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// configMaps of a tracer namespace belong to the administrator, even for those who may write all that is in it.
func (g *guarded) configMaps(t *testing.T) {
	g = g.in(t)
	maps := g.as(editor).CoreV1().ConfigMaps(g.tracers)
	there, err := maps.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(there.Items) < 1 {
		t.Fatalf("%d ConfigMaps (%v)", len(there.Items), err)
	}
	dry := []string{metav1.DryRunAll}
	for _, m := range there.Items {
		m.Annotations = map[string]string{"a": "b"}
		_, update := maps.Update(t.Context(), &m, metav1.UpdateOptions{DryRun: dry})
		remove := maps.Delete(t.Context(), m.Name, metav1.DeleteOptions{DryRun: dry})
		for what, err := range map[string]error{"update": update, "delete": remove} {
			refusedBy(t, what+" "+m.Name, err, "'trace-sec-administration'")
		}
	}
	_, err = maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "trace-sec-starter-of-mine"}}, metav1.CreateOptions{DryRun: dry})
	refusedBy(t, "create", err, "'trace-sec-administration'")
	if _, err := client.CoreV1().ConfigMaps(g.tracers).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{DryRun: dry}); err != nil {
		t.Errorf("the administrator: %v", err)
	}
}

func refusedBy(t *testing.T, what string, err error, policy string) {
	t.Helper()
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), policy) {
		t.Errorf("%s: %v, want a refusal by %s", what, err, policy)
	}
}

// whatIsThere: a tracer's pod stays as it was let in, and only its creator attaches to it.
func (g *guarded) whatIsThere(honest *corev1.Pod) {
	t := g.T
	pod := named(honest, observer)
	pod.Spec.NodeName = "no-such-node" // so that nothing is started
	made, err := g.as(observer).CoreV1().Pods(g.tracers).Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.CoreV1().Pods(g.tracers).Delete(context.Background(), made.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}); err != nil {
			t.Error(err)
		}
	}()
	for name, test := range map[string]struct{ subresource, patch string }{
		"another image":             {"", `{"spec":{"containers":[{"name":"tracer","image":"localhost/busybox:1"}]}}`},
		"a longer time":             {"", `{"spec":{"activeDeadlineSeconds":1}}`},
		"an annotation":             {"", `{"metadata":{"annotations":{"cdi.k8s.io/x":"y"}}}`},
		"a label":                   {"", `{"metadata":{"labels":{"app":"web"}}}`},
		"a finalizer":               {"", `{"metadata":{"finalizers":["example.com/x"]}}`},
		"an annotation of a status": {"status", `{"metadata":{"annotations":{"cdi.k8s.io/x":"y"}}}`},
		"a container for debugging": {"ephemeralcontainers", `{"spec":{"ephemeralContainers":[{"name":"debug","image":"localhost/busybox:1","targetContainerName":"tracer"}]}}`},
		"more memory":               {"resize", `{"spec":{"containers":[{"name":"tracer","resources":{"limits":{"memory":"1Gi"}}}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			var subresources []string
			if test.subresource != "" {
				subresources = []string{test.subresource}
			}
			_, err := g.as(editor).CoreV1().Pods(g.tracers).Patch(t.Context(), made.Name, types.StrategicMergePatchType, []byte(test.patch), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}, subresources...)
			refusedBy(t, name, err, "'trace-sec-running-tracers'")
		})
	}
	for name, test := range map[string]struct{ user, verb, refused string }{
		"exec by its creator":         {observer, "exec", "nobody enters a tracer pod"},
		"ports for its creator":       {observer, "portforward", "nobody enters a tracer pod"},
		"attach by another observer":  {everywhere, "attach", "only who made a tracer pod may attach"},
		"attach by another enforcer":  {enforcer, "attach", "only who made a tracer pod may attach"},
		"attach by its creator":       {observer, "attach", ""},
		"attach by an administrator":  {"root", "attach", "only who made a tracer pod may attach"},
		"exec by an administrator":    {"root", "exec", "nobody enters a tracer pod"},
		"its web by an administrator": {"root", "proxy", "nobody enters a tracer pod"},
	} {
		t.Run(name, func(t *testing.T) {
			err := g.as(test.user, "system:masters").CoreV1().RESTClient().Post().Namespace(g.tracers).Resource("pods").Name(made.Name).SubResource(test.verb).
				Param("container", "tracer").Param("command", "x").Param("stdin", "true").Do(t.Context()).Error()
			if test.refused == "" {
				if err == nil || apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
					t.Errorf("%v, want another error than a refusal, since the pod does not run", err)
				}
				return
			}
			refusedBy(t, name, err, test.refused)
		})
	}
	// What the kubelet says of a pod passes.
	status := `{"status":{"phase":"Failed","reason":"x"}}`
	if _, err := client.CoreV1().Pods(g.tracers).Patch(t.Context(), made.Name, types.StrategicMergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
		t.Errorf("the status: %v", err)
	}
}
