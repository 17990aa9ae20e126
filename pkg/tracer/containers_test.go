// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/testprogram"
)

const containerD = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

// held is a policy about a program of a container, which the node has not.
const held = `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: held}
spec:
  podSelector: {}
  uprobes:
  - {path: /bin/hold, symbols: [main], resolvePathInContainer: true}
`

// overlay mounts a container's root directory: an image with a layer above it.
func overlay(t *testing.T, image string) (root string) {
	t.Helper()
	folder := t.TempDir()
	options := "lowerdir=" + image
	for _, name := range []string{"upper", "work", "root"} {
		must(t, os.Mkdir(filepath.Join(folder, name), 0o755))
	}
	options += ",upperdir=" + filepath.Join(folder, "upper") + ",workdir=" + filepath.Join(folder, "work")
	root = filepath.Join(folder, "root")
	must(t, unix.Mount("overlay", root, "overlay", 0, options))
	t.Cleanup(func() { must(t, unix.Unmount(root, unix.MNT_DETACH)) })
	return root
}

// holdIn keeps a process in a container until the test ends.
func holdIn(t *testing.T, cgroup, root string) {
	t.Helper()
	holder := exec.Command("/bin/hold")
	holder.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	holder.Dir = "/"
	stdin, err := holder.StdinPipe()
	must(t, err)
	must(t, holder.Start())
	must(t, os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), fmt.Append(nil, holder.Process.Pid), 0))
	t.Cleanup(func() { stdin.Close(); holder.Wait() })
}

// TestProgramsInContainers: a program is looked up in each container; those of one image have one file, which is probed once.
func TestProgramsInContainers(t *testing.T) {
	needRoot(t)
	image := t.TempDir()
	must(t, os.Mkdir(filepath.Join(image, "bin"), 0o755))
	program, err := os.ReadFile(testprogram.Path(t, "hold"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(image, "bin/hold"), program, 0o755))
	hierarchy := hierarchyRoots(t)["unified"]
	cgroup := func(pod, container string) string { return makeCgroup(t, hierarchy, "kubepods/pod"+pod, container) }

	first, second, changed, without := cgroup(podA, containerA), cgroup(podA, containerB), cgroup(podA, containerC), cgroup(podA, strings.Repeat("e", 64))
	roots := []string{overlay(t, image), overlay(t, image), overlay(t, image)}
	must(t, os.WriteFile(filepath.Join(roots[2], "bin/hold"), program, 0o755)) // another file from now on
	for i, at := range []string{first, second, changed} {
		holdIn(t, at, roots[i])
	}
	holdOpen(t, without) // as what holds a pod's namespaces
	stranger := cgroup(podB, containerD)
	holdIn(t, stranger, roots[0])

	l := startLivePolicies(t, wire.Targets{Pods: []wire.Pod{{UID: podA}}}, held)
	for i, at := range []string{first, second, changed} {
		runIn(t, at, "chroot", roots[i], "/bin/hold")
	}
	runIn(t, stranger, "chroot", roots[0], "/bin/hold")
	later := cgroup(podA, strings.Repeat("f", 64))
	runIn(t, later, "chroot", overlay(t, image), "/bin/hold")
	runIn(t, cgroup(podA, strings.Repeat("0", 64)), "chroot", overlay(t, image), "/bin/hold")
	l.wait("the notice", func(raw []byte) bool {
		return bytes.Contains(raw, []byte("a container was started when tracing had begun"))
	})
	r := l.stop()

	calls := map[string]int{}
	for _, e := range r.of(event.KindUprobe) {
		calls[r.procs[e.Process().ExecID].ContainerID]++
	}
	for _, container := range []string{containerA, containerB, containerC, strings.Repeat("f", 64), strings.Repeat("0", 64)} {
		if calls[container] != 1 {
			t.Errorf("container %.4s…: %d calls, want 1", container, calls[container])
		}
	}
	if len(calls) != 5 {
		t.Errorf("calls %v", calls)
	}
	if h := hookOf(r, "held"); h == nil || h.Programs != 2 || h.Refused != "" {
		t.Errorf("hook %+v, want two files", h)
	}
	if said := bytes.Count(r.raw, []byte("a container was started when tracing had begun")); said != 1 {
		t.Errorf("that containers came is said %d times", said)
	}
}

// TestProgramsInNoContainer: that nobody has the program is said, with the path.
func TestProgramsInNoContainer(t *testing.T) {
	needRoot(t)
	at := makeCgroup(t, hierarchyRoots(t)["unified"], "kubepods/pod"+podA, containerA)
	for want, pod := range map[string]string{"none of the 1 containers of the targets has it: /bin/hold: ": podA, "no container of the targets runs here": podB} {
		holdOpen(t, at)
		c := config(wire.Targets{Pods: []wire.Pod{{UID: pod}}})
		c.Policies = []wire.PolicySource{{Name: "held.yaml", Text: held}}
		_, err := Run(context.Background(), Options{Config: c, Frames: &bytes.Buffer{}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// hookOf is the hook of a policy that has one.
func hookOf(r *recording, policy string) *event.Hook {
	for i, h := range r.hello.Hooks {
		if h.Policy == policy {
			return &r.hello.Hooks[i]
		}
	}
	return nil
}
