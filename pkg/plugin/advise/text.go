// SPDX-License-Identifier: Apache-2.0

package advise

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/render"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// writeText writes a YAML document for each workload: its patch, and as a comment in front of it what that comes from.
func writeText(out io.Writer, a *Advice) error {
	t := &text{}
	t.head(a)
	for i := range a.Workloads {
		t.workload(&a.Workloads[i])
	}
	if t.err == nil {
		_, t.err = out.Write(t.Bytes())
	}
	return t.err
}

// text is written to line by line.
type text struct {
	bytes.Buffer
	err error
}

// comment writes a line. What nodes and programs say may be in it: nothing of that may end the line or steer a terminal.
func (t *text) comment(format string, args ...any) {
	line := terminal.Sanitize(fmt.Sprintf(format, args...))
	t.WriteString(strings.TrimRight("# "+line, " ") + "\n")
}

func (t *text) head(a *Advice) {
	if a.Began == nil {
		t.comment("No node was watched: there is no advice.")
	} else {
		took := a.Ended.Sub(a.Began.Time).Round(time.Second)
		t.comment("What containers used of capabilities in %s from %s on.", took, a.Began.UTC().Format(time.RFC3339))
		t.comment("Only what they did meanwhile is known. Before you take something away, let them do all of their work, their start included.")
	}
	for _, n := range a.Nodes {
		if n.Problem != "" {
			t.comment("INCOMPLETE: node %s: %s", n.Name, n.Problem)
		}
		for _, cause := range slices.Sorted(maps.Keys(n.Lost)) {
			t.comment("INCOMPLETE: node %s: %d events were lost: %s", n.Name, n.Lost[cause], render.LossText(cause))
		}
	}
	if a.Unnamed > 0 {
		t.comment("INCOMPLETE: checks of containers that are not known: %d", a.Unnamed)
	}
	patches := 0
	for i := range a.Workloads {
		if a.Workloads[i].Patch != nil {
			patches++
		}
	}
	if patches > 1 {
		t.comment("Each of the %d documents is a patch of its own.", patches)
	}
}

func (t *text) workload(w *Workload) {
	t.WriteString("---\n")
	if w.Kind == "" {
		t.machine(w)
		return
	}
	t.comment("%s %s/%s: %s", w.Kind, w.Namespace, w.Name, strings.Join(w.Pods, ", "))
	switch {
	case w.Patch == nil:
	case w.Note != "":
		t.comment("  %s", w.Note)
	default:
		t.comment("  kubectl patch %s %s -n %s --patch-file FILE", strings.ToLower(w.Kind), w.Name, w.Namespace)
	}
	for i := range w.Containers {
		t.container(&w.Containers[i], "container "+w.Containers[i].Name)
	}
	if w.Patch != nil {
		t.document(w.Patch)
	}
}

// machine is what processes of this machine would need in a container.
func (t *text) machine(w *Workload) {
	for i := range w.Containers {
		c := &w.Containers[i]
		if i > 0 {
			t.WriteString("---\n")
		}
		what := "processes of " + w.Name
		if c.Name != "" {
			what = "container " + c.Name + " on " + w.Name
		}
		t.container(c, what)
		if c.SecurityContext != nil {
			t.document(map[string]any{"securityContext": c.SecurityContext})
		}
	}
}

func (t *text) document(content any) {
	text, err := yaml.Marshal(content)
	if err != nil {
		t.err = fmt.Errorf("write advice: %w", err)
	}
	t.Write(text)
}

// columns of a container's table.
const columns = "  %-8s %-18s %s"

func (t *text) container(c *Container, what string) {
	switch {
	case c.SecurityContext == nil:
		t.comment("%s: it was not watched", what)
		return
	case c.Type == Ephemeral:
		t.comment("%s, which is not in any template:", what)
	case c.FromStart:
		t.comment("%s, seen from its start:", what)
	case c.Type == "":
		t.comment("%s:", what)
	default:
		t.comment("%s, which ran already: what it needs to start was not seen", what)
	}
	for _, use := range c.Used {
		t.comment(columns, "used", use.Capability, use.who())
	}
	for _, use := range c.Denied {
		t.comment(columns, "denied", use.Capability, use.who())
	}
	for _, use := range c.Outside {
		t.comment(columns, "denied", use.Capability, use.who()+": asked on the machine, where nothing that is added has effect")
	}
	t.remarks(c)
}

func (t *text) remarks(c *Container) {
	if len(c.Used)+len(c.Denied)+len(c.Outside) == 0 {
		t.comment("  no capability was needed")
	}
	switch {
	case c.Type == "":
	case len(c.Unused) > 0:
		t.comment(columns, "unused", strings.Join(c.Unused, ", "), "")
	}
	if c.UnusedUnknown && c.Type != "" {
		t.comment("  what its runtime gives a container by itself is not known")
	}
	if len(c.Denied) > 0 {
		t.comment("  what was denied is not added: programs may do without, and only root's would get it")
	}
	if c.Privileged {
		t.comment("  it is privileged, and so has all capabilities whatever is added or dropped: make it privileged: false as well,")
		t.comment("  when it does without the devices of its node and what else that brings")
	}
	if c.Cut {
		t.comment("  INCOMPLETE: there was more than is kept")
	}
}

// who asked.
func (use *Use) who() string {
	who := strings.Join(use.Programs, ", ")
	if use.MorePrograms {
		who += ", …"
	}
	var users []string
	for _, user := range use.Users {
		users = append(users, fmt.Sprint(user))
	}
	if len(users) > 0 {
		who += " (uid " + strings.Join(users, ", ") + ")"
	}
	if use.OnlyInjected {
		who += ", not by the container's own processes (kubectl exec, probes)"
	}
	return who
}
