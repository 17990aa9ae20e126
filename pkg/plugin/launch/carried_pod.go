// SPDX-License-Identifier: Apache-2.0

package launch

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
)

// tracerProgram is the name that a tracer is started by, and where its image has it.
const tracerProgram = "/trace-sec-tracer"

// memoryLimit is the size of the directory in memory that a tracer is put in where it cannot be executed from a memfd: 10 MB are needed.
var memoryLimit = resource.MustParse("32Mi")

// starterDirectory is where a pod has its starter. No image can know its name beforehand: with a volume below a directory that it knows
// (VOLUME /trace-sec/starter/..data), or a link there, the image of a target could put its own program in the starter's place, and
// have it run with the tracer's capabilities.
func starterDirectory(session string) string { return "/trace-sec-" + session }

// carryTo makes a pod one whose only program is the starter, which executes what it receives.
func carryTo(pod *corev1.PodSpec, session string, tracer carry.Tracer) {
	const starter, memory = "starter", "memory"
	_, digest := carry.Starters()
	key := carry.StarterKey(tracer.Architecture)
	container := &pod.Containers[0]
	container.Command = tracer.Command(starterDirectory(session), tracerProgram)
	container.WorkingDir = "/" // that of an image of others may be closed to all but their user
	pod.Volumes = append(pod.Volumes,
		corev1.Volume{Name: starter, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: starterName(digest)},
			Items:                []corev1.KeyToPath{{Key: key, Path: key}},
			DefaultMode:          new(int32(0o555)),
		}}},
		corev1.Volume{Name: memory, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
			Medium: corev1.StorageMediumMemory, SizeLimit: new(memoryLimit),
		}}})
	container.VolumeMounts = append(container.VolumeMounts,
		corev1.VolumeMount{Name: starter, MountPath: starterDirectory(session), ReadOnly: true},
		corev1.VolumeMount{Name: memory, MountPath: carry.MemoryDirectory})
}
