// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scheduledJob is the name of a job that a CronJob made: the suffix is the scheduled time in minutes (8 digits) or, before
// Kubernetes 1.21, seconds (10).
var scheduledJob = regexp.MustCompile(`^(.+)-\d{8,10}$`)

// parents are the controllers whose own controller shows in names and labels, so that no further object need be read. The
// rules are Tetragon's.
var parents = [...]struct {
	kind, parent string
	name         func(pod *corev1.Pod, controller string) string
}{
	{"ReplicaSet", "Deployment", func(pod *corev1.Pod, controller string) string {
		hash := pod.Labels["pod-template-hash"]
		name, found := strings.CutSuffix(controller, "-"+hash)
		if hash == "" || !found {
			return ""
		}
		return name
	}},
	{"ReplicationController", "DeploymentConfig", func(pod *corev1.Pod, _ string) string { return pod.Labels["deploymentconfig"] }},
	{"Job", "CronJob", func(_ *corev1.Pod, controller string) string {
		if found := scheduledJob.FindStringSubmatch(controller); found != nil {
			return found[1]
		}
		return ""
	}},
}

// Workload is what a pod belongs to, and of which kind that is; the pod itself when nothing controls it or when it is static
// (its controller is then the node).
func Workload(pod *corev1.Pod) (name, kind string) {
	controller := metav1.GetControllerOfNoCopy(pod)
	if controller == nil || controller.Kind == "Node" {
		return pod.Name, "Pod"
	}
	for _, p := range parents {
		if p.kind == controller.Kind {
			if name := p.name(pod, controller.Name); name != "" {
				return name, p.parent
			}
		}
	}
	return controller.Name, controller.Kind
}
