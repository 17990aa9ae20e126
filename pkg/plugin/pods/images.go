// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// nodeImage is an image that a pod runs from.
type nodeImage struct {
	node, name string
	// private: pulling it takes a secret, which a pod elsewhere does not have.
	private bool
}

// imagesOf are the images of a pod's containers that have started: its node has them, by the names that the pod gives them.
func imagesOf(pod *corev1.Pod) (images []nodeImage) {
	started := map[string]bool{}
	for _, status := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses) {
		started[status.Name] = status.ImageID != "" && (status.State.Running != nil || status.State.Terminated != nil)
	}
	for _, container := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		if started[container.Name] {
			images = append(images, nodeImage{node: pod.Spec.NodeName, name: container.Image, private: len(pod.Spec.ImagePullSecrets) > 0})
		}
	}
	return images
}

// Images are the names of images that a node has for certain, since known pods run from them there: first those that take no secret,
// each once, in an order that does not change with that of the pods.
func (i *Index) Images(node string) (names []string) {
	i.mu.RLock()
	var images []nodeImage
	for _, known := range i.pods {
		for _, image := range known.images {
			if image.node == node {
				images = append(images, image)
			}
		}
	}
	i.mu.RUnlock()
	slices.SortFunc(images, func(a, b nodeImage) int {
		switch {
		case a.private != b.private && b.private:
			return -1
		case a.private != b.private:
			return 1
		}
		return cmp.Compare(a.name, b.name)
	})
	for _, image := range images {
		if !slices.Contains(names, image.name) {
			names = append(names, image.name)
		}
	}
	return names
}
