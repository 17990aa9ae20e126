// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

const (
	// host is the container.id of processes outside of containers.
	host = "host"
	// idLength is how much of a container's id Falco shows.
	idLength = 12
)

// containerGivers are those of container.* and k8s.*.
var containerGivers = map[string]giver{
	"container.id": func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		id := e.process.Docker
		if id == "" && e.process.Pod != nil && e.process.Pod.Container != nil {
			_, id, _ = strings.Cut(e.process.Pod.Container.ID, "://")
		}
		if id == "" {
			id = host
		}
		v.SetText(id[:min(len(id), idLength)])
	},
	"container.name":  ofContainer(func(c *event.Container, v *compare.Value) { v.SetText(c.Name) }),
	"container.image": ofImage(func(image string) string { return image }),
	"container.image.repository": ofImage(func(image string) string {
		repository, _ := splitImage(image)
		return repository
	}),
	"container.image.tag": ofImage(func(image string) string {
		_, tag := splitImage(image)
		return tag
	}),
	"container.privileged": ofContainer(func(c *event.Container, v *compare.Value) {
		v.SetBool(c.SecurityContext != nil && c.SecurityContext.Privileged)
	}),
	"container.start_ts": ofContainer(func(c *event.Container, v *compare.Value) {
		if c.StartTime == nil {
			v.State = compare.NotDelivered
			return
		}
		v.SetNumber(c.StartTime.UnixNano())
	}),
	"k8s.ns.name":  ofPod(func(p *event.Pod) string { return p.Namespace }),
	"k8s.pod.name": ofPod(func(p *event.Pod) string { return p.Name }),
	"k8s.pod.uid":  ofPod(func(p *event.Pod) string { return p.UID }),
}

// ofPod gives a text of the pod: absent outside of pods, not delivered where the container is known and its pod is not.
func ofPod(text func(*event.Pod) string) giver {
	return func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		switch pod := e.process.Pod; {
		case pod != nil:
			v.SetText(text(pod))
		case e.process.Docker != "":
			v.State = compare.NotDelivered
		}
	}
}

func ofContainer(give func(*event.Container, *compare.Value)) giver {
	return func(e *Event, _ *catalog.Reference, _ compare.View, v *compare.Value) {
		switch pod := e.process.Pod; {
		case pod != nil && pod.Container != nil:
			give(pod.Container, v)
		case e.process.Docker != "" || pod != nil:
			v.State = compare.NotDelivered
		}
	}
}

// ofImage gives a part of the image's name: an empty text outside of containers.
func ofImage(part func(image string) string) giver {
	inContainer := ofContainer(func(c *event.Container, v *compare.Value) {
		if c.Image == nil {
			v.State = compare.NotDelivered
			return
		}
		v.SetText(part(c.Image.Name))
	})
	return func(e *Event, r *catalog.Reference, view compare.View, v *compare.Value) {
		inContainer(e, r, view, v)
		if v.State == compare.Absent {
			v.SetText("")
		}
	}
}

// splitImage takes an image's name apart: docker.io/library/nginx:1.27@sha256:… is docker.io/library/nginx and 1.27. A colon before a
// slash is that of a port.
func splitImage(image string) (repository, tag string) {
	image, _, _ = strings.Cut(image, "@")
	if at := strings.LastIndexByte(image, ':'); at > strings.LastIndexByte(image, '/') {
		return image[:at], image[at+1:]
	}
	return image, ""
}
