// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

func TestResolve(t *testing.T) {
	static := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "kube-system", Name: "etcd-node", UID: "mirror-uid", Annotations: map[string]string{configHash: "hash-of-the-file"},
		OwnerReferences: controlledBy("Node", "node"),
	}}
	static.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "etcd", ContainerID: "cri-o://" + id("e"),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(start)}}}}
	d := NewIndex()
	d.Update(webPod())
	d.Update(static)
	for name, p := range map[string]*wire.Process{
		"running":               process("web-uid", id("3"), 0),
		"running-other":         process("web-uid", id("4"), 0),
		"before-the-crash":      process("web-uid", id("2"), 0),
		"init-privileged":       process("web-uid", id("1"), 0),
		"ephemeral":             process("web-uid", id("5"), 0),
		"container-not-known":   process("web-uid", id("9"), time.Minute),
		"sandbox":               pause("web-uid", id("0"), 500*time.Millisecond),
		"perhaps-a-sandbox":     pause("web-uid", id("9"), time.Minute),
		"no-container":          process("web-uid", "", 0),
		"static":                process("hash-of-the-file", id("e"), 0),
		"pod-not-known":         process("other-uid", id("9"), 0),
		"outside-of-pods":       process("", "", 0),
		"no-pid-in-the-pod":     {Process: event.Process{Docker: "as the tracer says"}, PodUID: "web-uid", ContainerID: id("3")},
		"short-id-of-container": process("web-uid", "abc", 0),
	} {
		t.Run(name, func(t *testing.T) {
			before := *p
			got, err := json.MarshalIndent(d.Resolve(p), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*p, before) || p.Pod != nil {
				t.Error("the process of the frame was changed")
			}
			golden.Check(t, filepath.Join("testdata", name+".json"), append(got, '\n'))
		})
	}
}

func TestWorkload(t *testing.T) {
	for _, test := range []struct {
		kind, name string
		labels     map[string]string
		want       string
	}{
		{"", "", nil, "Pod my-pod"},
		{"Node", "node-1", nil, "Pod my-pod"},
		{"ReplicaSet", "web-6f87496b94", map[string]string{"pod-template-hash": "6f87496b94"}, "Deployment web"},
		{"ReplicaSet", "web-6f87496b94", nil, "ReplicaSet web-6f87496b94"},
		{"ReplicaSet", "web-", map[string]string{"pod-template-hash": ""}, "ReplicaSet web-"},
		{"ReplicaSet", "web-abc", map[string]string{"pod-template-hash": "6f87496b94"}, "ReplicaSet web-abc"},
		{"Job", "backup-29312345", nil, "CronJob backup"},
		{"Job", "backup-1629312345", nil, "CronJob backup"},
		{"Job", "backup-2931234", nil, "Job backup-2931234"},
		{"Job", "backup-2931234x", nil, "Job backup-2931234x"},
		{"Job", "-29312345", nil, "Job -29312345"},
		{"StatefulSet", "db", nil, "StatefulSet db"},
		{"DaemonSet", "agent", nil, "DaemonSet agent"},
		{"ReplicationController", "old-1", nil, "ReplicationController old-1"},
		{"ReplicationController", "old-1", map[string]string{"deploymentconfig": "old"}, "DeploymentConfig old"},
		{"Rollout", "canary", map[string]string{"pod-template-hash": "x"}, "Rollout canary"},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "my-pod", Labels: test.labels}}
		if test.kind != "" {
			pod.OwnerReferences = controlledBy(test.kind, test.name)
		}
		if name, kind := Workload(pod); kind+" "+name != test.want {
			t.Errorf("%s %s: got %s %s, want %s", test.kind, test.name, kind, name, test.want)
		}
	}
}

func TestUpdateKeepsFormerContainers(t *testing.T) {
	d := NewIndex()
	d.Update(webPod())
	later := webPod()
	later.Labels["app"] = "changed"
	app := &later.Status.ContainerStatuses[0]
	app.ContainerID = "containerd://" + id("6")
	app.LastTerminationState = corev1.ContainerState{}
	d.Update(later)
	app.Name = "changed after Update"
	later.Labels["app"] = "changed after Update"
	for _, container := range []string{"1", "2", "3", "4", "5", "6"} {
		if !known(d, "web-uid", id(container)) {
			t.Errorf("container %s is not known any more", container)
		}
	}
	p := d.Resolve(process("web-uid", id("6"), 0)).Pod
	if p.Container.Name != "app" || p.PodLabels["app"] != "changed" {
		t.Errorf("got container %s, labels %s", p.Container.Name, p.PodLabels)
	}
	for n := range 3 * maxFormer {
		app.ContainerID = fmt.Sprint("containerd://", n)
		d.Update(later)
	}
	if n := len(d.pods["web-uid"].containers); n > maxFormer+5 {
		t.Errorf("%d containers are remembered", n)
	}
}

func TestKnown(t *testing.T) {
	d := NewIndex()
	d.Update(webPod())
	for key, want := range map[containerKey]bool{
		{"web-uid", id("3")}: true, {"web-uid", id("9")}: false, {"web-uid", ""}: false, {"other-uid", id("3")}: false,
	} {
		if got := known(d, key.pod, key.container); got != want {
			t.Errorf("%v: %t", key, got)
		}
	}
}

func TestRemovedPodsStayForAWhile(t *testing.T) {
	d := NewIndex()
	remove := func(n int) {
		pod := webPod()
		pod.UID = types.UID(fmt.Sprint("uid-", n))
		pod.Annotations = map[string]string{configHash: fmt.Sprint("hash-", n)}
		d.Update(pod)
		d.Remove(pod.UID)
		d.Remove(pod.UID)
	}
	for n := range maxRemoved {
		remove(n)
	}
	d.Remove("never heard of")
	if !known(d, "uid-0", id("3")) || !known(d, "hash-0", id("3")) {
		t.Error("the first removed pod is not known any more")
	}
	remove(maxRemoved)
	if known(d, "uid-0", id("3")) || known(d, "hash-0", id("3")) || !known(d, "uid-1", id("3")) {
		t.Error("not the oldest removed pod was forgotten")
	}
	if len(d.pods) != 2*maxRemoved {
		t.Errorf("%d pods are kept", len(d.pods))
	}
}

// Under -race: events are resolved while pods change.
func TestDirectoryIsConcurrent(t *testing.T) {
	d := NewIndex()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				d.Update(webPod())
				p := d.Resolve(process("web-uid", id("3"), 0))
				*p.Pod.Container.Pid++
				p.Pod.Container.Name = "mine"
				p.Pod.Name = "mine"
				known(d, "web-uid", id("3"))
				d.Remove("web-uid")
			}
		})
	}
	wg.Wait()
	if p := d.Resolve(process("web-uid", id("3"), 0)); p.Pod.Name == "mine" || p.Pod.Container.Name == "mine" {
		t.Error("a result is shared with the index")
	}
}

func BenchmarkResolve(b *testing.B) {
	d := NewIndex()
	d.Update(webPod())
	p := process("web-uid", id("3"), 0)
	b.ReportAllocs()
	for b.Loop() {
		d.Resolve(p)
	}
}

// known says whether the name of a container is known.
func known(i *Index, podUID, containerID string) bool {
	p := i.Resolve(&wire.Process{PodUID: podUID, ContainerID: containerID})
	return p.Pod.Container != nil && p.Pod.Container.Name != ""
}
