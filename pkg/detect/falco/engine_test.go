// SPDX-License-Identifier: Apache-2.0

package falco

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/internal/sharedrules"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/output"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/rulefile"
)

// fake is an event by hand: values by the names of fields, those of the resolved view with "resolved " before them.
type fake map[string]compare.Value

func (f fake) Value(r *catalog.Reference, view compare.View, v *compare.Value) {
	if view == compare.Resolved {
		if resolved, ok := f["resolved "+r.Name]; ok {
			*v = resolved
			return
		}
	}
	*v = f[r.Name]
}

func text(s string) (v compare.Value) {
	v.SetText(s)
	return v
}

func number(n int64) (v compare.Value) {
	v.SetNumber(n)
	return v
}

func boolean(b bool) (v compare.Value) {
	v.SetBool(b)
	return v
}

func shared(t testing.TB, options Options) *Engine {
	t.Helper()
	e := Load(rulefile.Read(sharedrules.Paths(t)...), options)
	for _, p := range e.Problems.Errors() {
		t.Error(p)
	}
	return e
}

func eventType(t testing.TB, name string) *catalog.EventType {
	t.Helper()
	e, ok := catalog.EventTypeOf(name)
	if !ok {
		t.Fatalf("no event type %s", name)
	}
	return e
}

func TestSharedRulesLoad(t *testing.T) {
	e := shared(t, Options{})
	if len(e.Rules) != sharedrules.Stable+sharedrules.Incubating {
		t.Fatalf("%d rules", len(e.Rules))
	}
	for _, r := range e.Rules {
		if len(r.Events) == 0 || len(r.Untold) > 0 {
			t.Errorf("%s: holds for %d event types; those that can't be told: %v", r.Name, len(r.Events), r.Untold)
		}
	}
	for _, p := range e.Problems {
		if p.Code != rulefile.UnusedMacro && p.Code != rulefile.UnusedList {
			t.Error(p)
		}
	}
}

// readShadow is a shell that reads /etc/shadow.
func readShadow() fake {
	return fake{
		"evt.type": text("openat"), "evt.is_open_read": boolean(true), "evt.is_open_write": boolean(false), "fd.typechar": text("f"),
		"fd.num": number(3), "fd.name": text("/etc/shadow"), "fd.directory": text("/etc"), "fd.filename": text("shadow"),
		"evt.arg.flags": text("O_RDONLY"), "proc.name": text("evil"), "proc.pname": text("bash"), "proc.aname[2]": text("sshd"),
		"proc.aname": {State: compare.Present, Texts: []string{"bash", "sshd"}}, "proc.cmdline": text("evil -x"), "proc.args": text("-x"),
		"proc.exepath": text("/tmp/evil"), "proc.tty": number(0), "user.name": text("root"), "user.uid": number(0), "user.loginuid": number(-1),
		"container.id": text("0123456789ab"), "container.image.repository": text("docker.io/library/nginx"), "k8s.ns.name": text("shop"),
		"k8s.pod.name": text("web-0"),
	}
}

func TestAlert(t *testing.T) {
	e := shared(t, Options{})
	evaluator := e.NewEvaluator()
	event := readShadow()
	matches := evaluator.Evaluate(eventType(t, "openat"), event, nil)
	if len(matches) != 1 || matches[0].Rule.Name != "Read sensitive file untrusted" || len(matches[0].Degraded) > 0 {
		t.Fatalf("matches: %+v", matches)
	}
	alert := matches[0].Alert(time.Unix(1659680340, 625154977), "node-1", event, map[string]any{"tracesec.exec_id": "abc"})
	const text = "Sensitive file opened for reading by non-trusted program | file=/etc/shadow gparent=sshd ggparent=<NA> gggparent=<NA> " +
		"evt_type=openat user=root user_uid=0 user_loginuid=-1 process=evil proc_exepath=/tmp/evil parent=bash command=evil -x terminal=0 " +
		"container_id=0123456789ab container_name=<NA> container_image_repository=docker.io/library/nginx container_image_tag=<NA> " +
		"k8s_pod_name=web-0 k8s_ns_name=shop"
	if line := alert.Line(output.Times{Location: time.UTC}); line != "06:19:00.625154977: Warning "+text {
		t.Errorf("line:\n%s", line)
	}
	if line := alert.Line(output.Times{ISO8601: true}); !strings.HasPrefix(line, "2022-08-05T06:19:00.625154977+0000: Warning Sens") {
		t.Errorf("line: %s", line)
	}
	raw, err := alert.JSON(output.Times{Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	const head = `{"hostname":"node-1","output":"06:19:00.625154977: Warning Sensitive file opened`
	const tail = `"user.uid":0},"priority":"Warning","rule":"Read sensitive file untrusted","source":"syscall",` +
		`"tags":["T1555","container","filesystem","host","maturity_stable","mitre_credential_access"],"time":"2022-08-05T06:19:00.625154977Z"}`
	if !strings.HasPrefix(string(raw), head) || !strings.Contains(string(raw), tail[len(`"user.uid":0},`):]) {
		t.Errorf("JSON: %s", raw)
	}
	var back struct {
		Fields map[string]any `json:"output_fields"`
	}
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"proc.tty": 0.0, "container.name": nil, "fd.name": "/etc/shadow", "evt.time": 1659680340625154977.0, "proc.aname[2]": "sshd", "tracesec.exec_id": "abc",
	} {
		if got, there := back.Fields[key]; got != want || !there {
			t.Errorf("output_fields %s: %v, want %v", key, got, want)
		}
	}
}
