// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// inPod is a process of a pod, and its parent, as the product's events have them.
const inPod = `"process":{"exec_id":"x","pid":42,"uid":0,"cwd":"/srv","binary":"/usr/bin/cat-with-a-long-name","arguments":"-n \"two words\" /x","flags":"execve",` +
	`"start_time":"2026-01-01T00:00:00Z","auid":4294967295,"docker":"0123456789abcdef0123456789abcde","tid":42,` +
	`"cap":{"effective":["CAP_CHOWN","DAC_OVERRIDE","CAP_SYS_MODULE"],"permitted":["CAP_CHOWN"]},` +
	`"pod":{"namespace":"shop","name":"web-0","uid":"u","container":{"id":"containerd://0123456789abcdef","name":"app",` +
	`"image":{"id":"i","name":"reg:5000/a/nginx:1.27@sha256:0"},"pid":7,"security_context":{"privileged":true}}}},` +
	`"parent":{"pid":41,"binary":"/bin/sh","arguments":"-c x"}`

// call is the event of a system call.
func call(name, arguments, returned string) string {
	return fmt.Sprintf(`{"process_kprobe":{%s,"function_name":"__x64_sys_%s","args":[%s],"return":{"int_arg":%s},"ancestors":[{"pid":1,"binary":"/pause"}]},"time":"2026-01-01T00:00:07Z","node_name":"n1"}`,
		inPod, name, arguments, returned)
}

func read(t testing.TB, text string) *Event {
	t.Helper()
	one := new(event.Event)
	if err := json.Unmarshal([]byte(text), one); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	e := &Event{Arch: "amd64", Names: func(a netip.Addr) ([]string, bool) {
		if a.String() == "10.96.0.1" {
			return []string{"kubernetes.default.svc.cluster.local"}, true
		}
		return nil, true
	}}
	if e.Reset(one) == nil {
		t.Fatalf("no rule is about %s", text)
	}
	return e
}

// shown is a value in a test's words.
func shown(e *Event, name string, view compare.View) string {
	field, index, indexed := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	r, err := catalog.Resolve(field, index, indexed)
	if err != nil {
		return err.Error()
	}
	var v compare.Value
	e.Value(r, view, &v)
	cut := ""
	if v.Cut {
		cut = " cut"
	}
	switch {
	case v.State == compare.Absent:
		return "absent"
	case v.State == compare.NotDelivered:
		return "lost"
	case r.Any(), r.Type == catalog.TextList, r.Type == catalog.HostName:
		return fmt.Sprint(v.Texts) + cut
	case r.Type == catalog.Number:
		return fmt.Sprint(v.Number)
	case r.Type == catalog.Bool:
		return fmt.Sprint(v.Number == 1)
	case r.Type == catalog.Address, r.Type == catalog.Network:
		return fmt.Sprint(v.Addresses[:v.Ends])
	case r.Type == catalog.Port:
		return fmt.Sprint(v.Ports[:v.Ends])
	}
	return v.Text + cut
}

func TestValues(t *testing.T) {
	exec := `{"process_exec":{` + inPod + `},"executable":"/memfd:x (deleted)","time":"2026-01-01T00:00:07Z"}`
	openRelative := call("openat", `{"int_arg":-100,"label":"dirfd"},{"string_arg":"../etc//shadow","label":"name"},{"int_arg":577,"label":"flags"},{"int_arg":420,"label":"mode"},{"file_arg":{"path":"/real/shadow"},"label":"resolved"}`, "3")
	openFailed := call("open", `{"string_arg":"/etc//x/../shadow","label":"name"},{"int_arg":0,"label":"flags"}`, "-13")
	connect := call("connect", `{"int_arg":5,"label":"fd"},{"sockaddr_arg":{"family":"AF_INET6","addr":"::ffff:10.96.0.1","port":443},"label":"addr"}`, "-115")
	refused := call("connect", `{"sockaddr_arg":{"family":"AF_INET","addr":"10.0.0.1","port":443},"label":"addr"}`, "-111")
	accept := call("accept4", `{"sock_arg":{"family":"AF_INET","type":"SOCK_STREAM","protocol":"IPPROTO_TCP","saddr":"10.0.0.1","sport":80,"daddr":"10.0.0.2","dport":5000},"label":"socket"}`, "6")
	host := strings.NewReplacer(`"docker":"0123456789abcdef0123456789abcde",`, "", `,"pod":{"namespace":"shop","name":"web-0","uid":"u","container":{"id":"containerd://0123456789abcdef","name":"app","image":{"id":"i","name":"reg:5000/a/nginx:1.27@sha256:0"},"pid":7,"security_context":{"privileged":true}}}`, "").Replace(exec)
	for _, test := range []struct{ event, field, want string }{
		{exec, "evt.type", "execve"}, {exec, "evt.num", "1"}, {exec, "evt.res", "SUCCESS"}, {exec, "evt.rawres", "0"}, {exec, "evt.arg.flags", "lost"}, {exec, "fd.name", "absent"},
		{exec, "proc.name", "cat-with-a-long"}, {exec, "proc.pname", "sh"}, {exec, "proc.aname[0]", "cat-with-a-long"}, {exec, "proc.aname[1]", "sh"},
		{exec, "proc.aname[2]", "lost"}, {exec, "proc.aname", "[sh] cut"}, {exec, "proc.exe", "/usr/bin/cat-with-a-long-name"},
		{exec, "proc.exepath", "memfd:x"}, {exec, "proc.is_exe_from_memfd", "true"}, {exec, "proc.args", "-n two words /x"},
		{exec, "proc.args[1]", "two words"}, {exec, "proc.args[9]", ""}, {exec, "proc.cmdline", "cat-with-a-long -n two words /x"},
		{exec, "proc.pcmdline", "sh -c x"}, {exec, "proc.cwd", "/srv/"}, {exec, "proc.tty", "lost"}, {exec, "proc.vpid", "7"}, {exec, "proc.pid", "42"},
		{exec, "proc.ppid", "41"}, {exec, "proc.duration", "7000000000"}, {exec, "proc.env", "lost"}, {exec, "user.uid", "0"}, {exec, "user.name", "root"},
		{exec, "user.loginuid", "-1"}, {exec, "user.loginname", "<NA>"}, {exec, "group.gid", "lost"},
		{exec, "thread.cap_effective", "CAP_CHOWN CAP_DAC_OVERRIDE CAP_SYS_MODULE"}, {exec, "container.id", "0123456789ab"},
		{exec, "container.image.repository", "reg:5000/a/nginx"}, {exec, "container.image.tag", "1.27"}, {exec, "container.privileged", "true"},
		{exec, "container.mount.dest[/x]", "lost"}, {exec, "k8s.ns.name", "shop"}, {exec, "k8s.pod.name", "web-0"}, {openFailed, "proc.aname", "[sh pause]"}, {openFailed, "proc.aname[2]", "pause"}, {openFailed, "proc.aname[3]", "absent"},
		{host, "container.id", "host"}, {host, "container.image.repository", ""}, {host, "k8s.ns.name", "absent"}, {host, "proc.vpid", "42"},

		{openRelative, "fd.name", "/etc/shadow"}, {openRelative, "resolved fd.name", "/real/shadow"}, {openRelative, "fd.directory", "/etc"},
		{openRelative, "fd.filename", "shadow"}, {openRelative, "fd.nameraw", "../etc/shadow"}, {openRelative, "evt.arg.name", "/etc/shadow"},
		{openRelative, "evt.arg.flags", "O_TRUNC|O_CREAT|O_WRONLY"}, {openRelative, "evt.arg.mode", "S_IROTH|S_IRGRP|S_IWUSR|S_IRUSR"},
		{openRelative, "evt.is_open_write", "true"}, {openRelative, "evt.is_open_read", "false"}, {openRelative, "evt.is_open_exec", "false"},
		{openRelative, "fd.num", "3"}, {openRelative, "fd.typechar", "f"}, {openRelative, "fd.type", "file"}, {openRelative, "fd.ip", "lost"},
		{openFailed, "fd.name", "/etc/shadow"}, {openFailed, "fd.filename", "absent"}, {openFailed, "fd.num", "-1"}, {openFailed, "fd.typechar", "o"},
		{openFailed, "evt.res", "EACCES"}, {openFailed, "evt.arg.name", "/etc//x/../shadow"}, {openFailed, "evt.is_open_read", "true"},

		{connect, "fd.typechar", "4"}, {connect, "fd.type", "ipv4"}, {connect, "fd.sip", "[10.96.0.1]"}, {connect, "fd.ip", "[10.96.0.1]"},
		{connect, "fd.sport", "[443]"}, {connect, "fd.port", "[443]"}, {connect, "fd.cip", "lost"}, {connect, "fd.num", "5"},
		{connect, "fd.sip.name", "[kubernetes.default.svc.cluster.local]"}, {connect, "fd.name", "10.96.0.1:443"}, {connect, "fd.l4proto", "lost"},
		{connect, "fd.sockfamily", "ip"}, {connect, "evt.res", "EINPROGRESS"}, {connect, "fd.connected", "lost"},
		{refused, "fd.sip", "absent"}, {refused, "fd.typechar", "4"},
		{accept, "fd.sip", "[10.0.0.1]"}, {accept, "fd.cip", "[10.0.0.2]"}, {accept, "fd.rip", "[10.0.0.2]"}, {accept, "fd.lport", "[80]"},
		{accept, "fd.name", "10.0.0.2:5000->10.0.0.1:80"}, {accept, "fd.l4proto", "tcp"}, {accept, "fd.num", "6"}, {accept, "fd.net", "[10.0.0.2 10.0.0.1]"},
		{call("sendto", `{"sockaddr_arg":{"family":"AF_INET","addr":"8.8.8.8","port":53},"label":"addr"}`, "1"), "fd.connected", "false"},
		{call("sendto", "", "1"), "fd.connected", "lost"}, {call("sendto", "", "1"), "fd.typechar", "lost"},
		{call("connect", `{"sockaddrun_arg":{"family":"AF_UNIX","path":"/run/x"},"label":"addr"}`, "0"), "fd.name", "/run/x"},
		{call("connect", `{"sockaddrun_arg":{"family":"AF_UNIX","path":"/run/x"},"label":"addr"}`, "0"), "fd.ip", "absent"},

		{call("creat", `{"string_arg":"/dev/x","label":"name"}`, "3"), "evt.is_open_write", "true"},
		{call("creat", `{"string_arg":"/dev/x","label":"name"}`, "3"), "evt.arg.flags", "absent"},
		{call("openat2", `{"string_arg":"/x","label":"name"}`, "3"), "evt.is_open_write", "true"},
		{call("openat2", `{"string_arg":"/x","label":"name"}`, "3"), "evt.arg.flags", "lost"},
		{call("ptrace", `{"long_arg":"16","label":"request"}`, "0"), "evt.arg.request", "PTRACE_ATTACH"},
		{call("bpf", `{"int_arg":5,"label":"cmd"}`, "3"), "evt.arg.cmd", "BPF_PROG_LOAD"},
		{call("socket", `{"int_arg":17,"label":"domain"}`, "3"), "evt.arg.domain", "AF_PACKET"},
		{call("socket", `{"int_arg":17,"label":"domain"}`, "3"), "evt.args", "domain=AF_PACKET"},
		{call("setuid", `{"uint_arg":0,"label":"uid"}`, "0"), "evt.arg.uid", "root"},
		{call("setuid", `{"uint_arg":33,"label":"uid"}`, "0"), "evt.arg.uid", "lost"},
		{call("chmod", `{"string_arg":"x","label":"filename"},{"uint_arg":2541,"label":"mode"}`, "0"), "evt.arg.mode", "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID"},
		{call("chmod", `{"string_arg":"x","label":"filename"}`, "0"), "evt.arg.filename", "/srv/x"},
		{call("symlink", `{"string_arg":"../x","label":"target"}`, "0"), "evt.arg.target", "../x"},
		{call("recvfrom", `{"bytes_arg":"YWJj","label":"data"}`, "3"), "evt.buffer", "abc"},
		{call("unlinkat", `{"file_arg":{"path":"/var"},"label":"dirfd"},{"string_arg":"log/x","label":"name"}`, "0"), "evt.arg.name", "/var/log/x"},
	} {
		view, name := compare.Lexical, test.field
		if field, resolved := strings.CutPrefix(name, "resolved "); resolved {
			view, name = compare.Resolved, field
		}
		if got := shown(read(t, test.event), name, view); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.field, test.event[len(inPod):], got, test.want)
		}
	}
}

// What a row calls exact or degraded has a value in the table, and the other way round.
func TestEachFieldHasARow(t *testing.T) {
	for name := range givers {
		r, err := catalog.Resolve(name, "", false)
		if err != nil {
			if r, err = catalog.Resolve(name, "0", true); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
		}
		known := false
		for _, kind := range catalog.EventTypes() {
			if status, _ := StatusOf(r, &kind); status != Unavailable {
				known = true
			}
		}
		if !known {
			t.Errorf("%s has a value and no row", name)
		}
	}
}

// What a row calls exact or degraded has a value, if it is no prefix.
func TestEachRowHasAValue(t *testing.T) {
	for _, row := range rows {
		for name := range strings.FieldsSeq(row.fields) {
			if givers[name] == nil && row.status != Unavailable && name != "evt.args" {
				t.Errorf("%s is %s and has no value", name, row.status)
			}
		}
	}
}

// Events that rules are about, from the event to the alert.
func TestAlerts(t *testing.T) {
	e := shared(t, falco.Options{Matching: falco.All})
	evaluator := e.NewEvaluator()
	shadow := `{"string_arg":"/etc/shadow","label":"name"},{"int_arg":0,"label":"flags"}`
	for _, test := range []struct {
		event string
		want  []string
	}{
		{call("openat", shadow, "3"), []string{"Read sensitive file untrusted"}},
		{call("openat", strings.Replace(shadow, "/etc/shadow", "/tmp/link", 1)+`,{"file_arg":{"path":"/etc/shadow"},"label":"resolved"}`, "3"), []string{"Read sensitive file untrusted resolved"}},
		{call("openat", strings.Replace(shadow, "/etc/shadow", "/etc/hosts", 1), "3"), nil},
		{call("openat", shadow, "-2"), nil},
		{call("symlink", `{"string_arg":"/etc/shadow","label":"target"},{"string_arg":"/x","label":"linkpath"}`, "-17"), []string{"Create Symlink Over Sensitive Files"}},
		{call("unshare", "", "-1"), []string{"Change namespace privileges via unshare"}},
		{call("init_module", "", "0"), []string{"Linux Kernel Module Injection Detected"}},
		{call("bpf", `{"int_arg":5,"label":"cmd"}`, "-1"), []string{"BPF Program Not Profiled"}},
		{call("bpf", `{"int_arg":4,"label":"cmd"}`, "-1"), nil},
		{call("connect", `{"sockaddr_arg":{"family":"AF_INET","addr":"169.254.169.254","port":80},"label":"addr"}`, "-115"),
			[]string{"Contact EC2 Instance Metadata Service From Container", "Contact cloud metadata service from container"}},
		{call("connect", `{"sockaddr_arg":{"family":"AF_INET","addr":"10.96.0.1","port":443},"label":"addr"}`, "0"), []string{"Contact K8S API Server From Container"}},
		{call("chmod", `{"string_arg":"/x","label":"filename"},{"uint_arg":2541,"label":"mode"}`, "0"), []string{"Set Setuid or Setgid bit"}},
	} {
		fields := read(t, test.event)
		var got []string
		for _, m := range evaluator.Evaluate(fields.kind, fields, nil) {
			name := m.Rule.Name
			if m.View == compare.Resolved {
				name += " resolved"
			}
			if len(m.Degraded) == 0 {
				got = append(got, name)
			}
			if alert := m.Alert(fields.time(), "n1", fields, nil); strings.Contains(alert.Text, "%") {
				t.Errorf("%s: %s", name, alert.Text)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.event[len(inPod):], got, test.want)
		}
	}
}

func TestOtherEvents(t *testing.T) {
	for _, text := range []string{`{}`, `{"process_exit":{}}`, `{"process_kprobe":{"function_name":"tcp_connect"}}`, `{"process_kprobe":{"function_name":"__x64_sys_read"}}`, `{"loss":{}}`} {
		one := new(event.Event)
		if err := json.Unmarshal([]byte(text), one); err != nil {
			t.Fatal(err)
		}
		if kind := new(Event).Reset(one); kind != nil {
			t.Errorf("%s: %s", text, kind.Name)
		}
	}
	// An event that lacks everything must not end the program.
	for _, text := range []string{`{"process_exec":{}}`, `{"process_kprobe":{"function_name":"__x64_sys_openat"}}`, `{"process_kprobe":{"function_name":"__x64_sys_accept4"}}`} {
		fields := read(t, text)
		for _, name := range catalog.FieldNames() {
			shown(fields, name, compare.Resolved)
			shown(fields, name+"[1]", compare.Lexical)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	e := shared(b, falco.Options{})
	evaluator := e.NewEvaluator()
	fields := read(b, call("openat", `{"string_arg":"/usr/lib/libc.so.6","label":"name"},{"int_arg":0,"label":"flags"},{"file_arg":{"path":"/usr/lib/libc.so.6"},"label":"resolved"}`, "3"))
	one := fields.event
	b.ReportAllocs()
	var matches []falco.Match
	for b.Loop() {
		kind := fields.Reset(one)
		matches = evaluator.Evaluate(kind, fields, matches[:0])
	}
	if len(matches) > 0 {
		b.Fatal(matches)
	}
}
