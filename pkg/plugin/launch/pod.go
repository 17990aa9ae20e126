// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// What marks the objects that this package makes.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "kubectl-trace-sec"
	LabelSession   = "trace-sec/session"
	// AnnotationExpires is a time (RFC 3339) after which the pod is a left-over of a dead session.
	AnnotationExpires = "trace-sec/expires-at"
	// AnnotationVersion is the version of the plugin that made the pod.
	AnnotationVersion = "trace-sec/version"
	// AnnotationMadeBy is the session that made a namespace; one that an administrator made does not have it and is never
	// deleted.
	AnnotationMadeBy = "trace-sec/made-by-session"
)

// shortSession is how many characters of the session are in a pod's name.
const shortSession = 8

// tracerPod is the pod that traces tracer.Node: the one description of it, for Start and for --dry-run.
func tracerPod(c Config, p Program, tracer wire.TracerConfig) *corev1.Pod {
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metadata(c, tracer.Node),
		Spec:       spec(c, tracer.Node),
	}
	pod.Name += p.guarded.creatorSuffix()
	restricted := p.guarded != nil && len(c.TargetNamespaces) > 0
	pod.Spec.Containers = []corev1.Container{container(c, p, arguments(c, restricted, tracer))}
	grant(&pod.Spec, needs{hooks: c.Hooks, kernel: p.kernel, restricted: restricted})
	if p.carried != nil {
		carryTo(&pod.Spec, c.Session, *p.carried)
	}
	return pod
}

// podName is the session and a hash of the node: node names are up to 253 characters long.
func podName(session, node string) string {
	sum := sha256.Sum256([]byte(node))
	return "trace-sec-" + session[:min(shortSession, len(session))] + "-" + hex.EncodeToString(sum[:5])
}

func metadata(c Config, node string) metav1.ObjectMeta {
	annotations := map[string]string{AnnotationVersion: c.Version}
	if !c.Expires.IsZero() {
		annotations[AnnotationExpires] = c.Expires.UTC().Format(time.RFC3339)
	}
	c.About.annotate(annotations)
	for _, a := range keepAway {
		annotations[a.name] = a.value
	}
	return metav1.ObjectMeta{
		Name:      podName(c.Session, node),
		Namespace: c.Namespace,
		Labels: map[string]string{
			LabelManagedBy:                ManagedBy,
			LabelSession:                  c.Session,
			"app.kubernetes.io/name":      "trace-sec",
			"app.kubernetes.io/component": "tracer",
			"sidecar.istio.io/inject":     "false", // a label since Istio 1.10
			"vector.dev/exclude":          "true",  // Vector's log shipping
		},
		Annotations: annotations,
	}
}

// keepAway are annotations that keep others off the tracer: log shippers, since frames would be shipped and paid for
// twice; meshes, whose sidecars would outlive the tracer; and the autoscaler, whom a bare pod would keep from removing a
// node.
var keepAway = [...]struct{ name, value string }{
	{"fluentbit.io/exclude", "true"},
	{"co.elastic.logs/enabled", "false"},
	{"ad.datadoghq.com/logs_exclude", "true"},
	{"sumologic.com/exclude", "true"},
	{"linkerd.io/inject", "disabled"},
	{"cluster-autoscaler.kubernetes.io/safe-to-evict", "true"},
}

func spec(c Config, node string) corev1.PodSpec {
	s := corev1.PodSpec{
		// Past the scheduler: a cordoned or full node is traced too. Never by the label kubernetes.io/hostname, which need
		// not be the node's name.
		NodeName: node,
		// All taints; a NoExecute one would evict the tracer.
		Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
		// A tracer that ended has said why; a second one would hide it.
		RestartPolicy:                 corev1.RestartPolicyNever,
		ActiveDeadlineSeconds:         new(int64(c.podDeadline() / time.Second)),
		TerminationGracePeriodSeconds: new(int64(gracePeriod)),
		// The tracer uses neither the API nor the network.
		AutomountServiceAccountToken: new(false),
		EnableServiceLinks:           new(false),
		DNSPolicy:                    corev1.DNSDefault,
		// The kernel's task iterator shows the processes of its reader's pid namespace.
		HostPID: true,
		OS:      &corev1.PodOS{Name: corev1.Linux},
	}
	for _, name := range c.PullSecrets {
		s.ImagePullSecrets = append(s.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	return s
}

func container(c Config, p Program, args []string) corev1.Container {
	return corev1.Container{
		Name:            ContainerName,
		Image:           p.image,
		ImagePullPolicy: p.policy,
		Command:         []string{tracerProgram},
		Args:            args,
		// The plugin attaches to standard input: signs of life and new targets go in, its end stops the tracer.
		Stdin:     true,
		StdinOnce: !c.Reattach,
		// The kubelet refuses a pod that asks for more than a full node has left: ask for next to nothing. No CPU limit,
		// since throttling loses events. Rings and maps count as memory.
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{
				corev1.ResourceCPU:    resource.MustParse("1m"),
				corev1.ResourceMemory: resource.MustParse("16Mi"),
			},
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
		},
		// The totals, for when the log was cut.
		TerminationMessagePath:   corev1.TerminationMessagePathDefault,
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		SecurityContext:          securityContext(p.runtime),
	}
}

// securityContext is without capabilities: see privileges.
func securityContext(runtime string) *corev1.SecurityContext {
	return &corev1.SecurityContext{
		Privileged:               new(false),
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		// Capabilities are effective for root only, since the image sets none on its file.
		RunAsUser:              new(int64(0)),
		RunAsGroup:             new(int64(0)),
		RunAsNonRoot:           new(false),
		ReadOnlyRootFilesystem: new(true),
		SeccompProfile:         seccompProfile(runtime),
		// Runtimes' default profile forbids to look at processes outside of it.
		AppArmorProfile: &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined},
		// container_t may not use bpf(2); without SELinux this says nothing.
		SELinuxOptions: &corev1.SELinuxOptions{Type: "spc_t"},
	}
}
