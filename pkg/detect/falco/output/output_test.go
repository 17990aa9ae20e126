// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/catalog"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/compare"
)

type fake map[string]compare.Value

func (f fake) Value(r *catalog.Reference, _ compare.View, v *compare.Value) { *v = f[r.Name] }

func event() fake {
	f := fake{}
	set := func(name string, change func(*compare.Value)) {
		v := f[name]
		change(&v)
		f[name] = v
	}
	set("proc.name", func(v *compare.Value) { v.SetText("Bash") })
	set("proc.cmdline", func(v *compare.Value) { v.SetText("a\nb\x1b\xff\x7fü") })
	set("proc.tty", func(v *compare.Value) { v.SetNumber(34816) })
	set("proc.aname[2]", func(v *compare.Value) { v.SetText("sshd") })
	set("evt.is_open_read", func(v *compare.Value) { v.SetBool(true) })
	set("fd.sip", func(v *compare.Value) { v.SetAddress(netip.MustParseAddr("::ffff:1.2.3.4")) })
	set("fd.sport", func(v *compare.Value) { v.SetPort(443) })
	set("fd.sip.name", func(v *compare.Value) { v.State, v.Texts = compare.Present, []string{"api", "other"} })
	set("fd.types", func(v *compare.Value) { v.State, v.Texts = compare.Present, []string{"file", "ipv4"} })
	set("proc.aname", func(v *compare.Value) { v.State, v.Texts = compare.Present, []string{"bash", "sshd"} })
	set("proc.apid", func(v *compare.Value) { v.State, v.Numbers = compare.Present, []int64{7, 1} })
	set("proc.pname", func(v *compare.Value) { v.State = compare.NotDelivered })
	set("fd.name", func(v *compare.Value) { v.SetText("/a/b") })
	return f
}

func TestRender(t *testing.T) {
	for text, want := range map[string]string{
		"no field":                     "no field",
		"a %proc.name: b":              "a Bash: b",
		"%proc.name%proc.tty":          "Bash34816",
		"%proc.name.":                  "Bash.",
		"%proc.aname[2],%proc.name":    "sshd,Bash",
		"%proc.aname %proc.apid":       "bash sshd 7 1",
		"%proc.cmdline":                `a\nb\u001b` + "�" + `\u007fü`,
		"%fd.name|%evt.res|":           "/a/b|<NA>|",
		"%proc.pname":                  "<NA>",
		"%6proc.name|%2proc.name|":     "Bash  |Ba|",
		"%*proc.name":                  "Bash",
		"%toupper(proc.name)":          "BASH",
		"%tolower(basename(fd.name))x": "bx",
		"%len(proc.name)":              "4",
		"%fd.sip:%fd.sport":            "1.2.3.4:443",
		"%fd.sip.name %fd.types":       "api (file,ipv4)",
		"%evt.is_open_read":            "true",
		"%b64(proc.name)":              "m\u0007�",
		"%container.info":              "container_id=<NA> container_name=<NA> container_image_repository=<NA> container_image_tag=<NA> k8s_pod_name=<NA> k8s_ns_name=<NA>",
	} {
		if text == "%b64(proc.name)" { // Bash is base64 of bytes that are no text
			want = `\u0005�!`
		}
		template, err := Parse(text, false)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := template.Render(event(), compare.Lexical); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestParseMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"100%":                             "3: a % begins a field",
		"%%":                               "0: a % begins a field",
		"a %proc.nme":                      "2: unknown field %proc.nme; did you mean %proc.name?",
		"%0proc.name":                      "0: a field's width is a number from 1 to 4096",
		"%99999proc.name":                  "0: a field's width",
		"%tolower(proc.name":               "0: expected a ')' after %tolower(proc.name",
		"%tolower(proc.tty)":               "0: the transformer tolower needs a text, and proc.tty is a number",
		"%tolower(len(proc.name))":         "0: the transformer tolower needs a text, and len gives a number",
		"%tolower(proc.aname)":             "0: proc.aname can't be used in a transformer",
		strings.Repeat("x", LongestText+1): "0: the output is longer than",
	} {
		_, err := Parse(text, true)
		mistake, ok := err.(*Error) //nolint:errorlint // what Parse promises
		if !ok {
			t.Errorf("%.40s: no mistake", text)
			continue
		}
		at, message, _ := strings.Cut(want, ": ")
		if got := string(rune('0' + mistake.At)); got != at || !strings.HasPrefix(mistake.Message, message) {
			t.Errorf("%.40s: %s: %s, want %s", text, got, mistake.Message, want)
		}
	}
}

func TestValues(t *testing.T) {
	template, err := Parse("%proc.name %proc.tty %evt.is_open_read %fd.sport %fd.sip %evt.res %toupper(proc.name) %len(proc.name) %proc.cmdline %proc.name", false)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(template.Values(event(), compare.Lexical))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"evt.is_open_read":true,"evt.res":null,"fd.sip":"1.2.3.4","fd.sport":443,"len(proc.name)":4,` +
		`"proc.cmdline":"a\nb\u001b�\u007fü","proc.name":"Bash","proc.tty":34816,"toupper(proc.name)":"BASH"}`
	if got := strings.ReplaceAll(string(raw), "\x7f", `\u007f`); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// What falcosidekick (types.FalcoPayload and its checks) needs of a body.
func TestWebhook(t *testing.T) {
	var body []byte
	var header http.Header
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		w.WriteHeader(answer)
	}))
	defer server.Close()
	hook := &Webhook{URL: server.URL, Client: server.Client()}
	alert := &Alert{
		Time: time.Unix(1, 5), Hostname: "n", Rule: "R <1>", Priority: "Informational", Source: "syscall", Text: "text",
		Fields: map[string]any{"k8s.ns.name": nil, "proc.name": "x"},
	}
	line, err := alert.JSON(Times{Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Post(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	const want = `{"hostname":"n","output":"00:00:01.000000005: Informational text","output_fields":{"evt.time":1000000005,"k8s.ns.name":null,` +
		`"proc.name":"x"},"priority":"Informational","rule":"R <1>","source":"syscall","tags":[],"time":"1970-01-01T00:00:01.000000005Z"}`
	if string(body) != want {
		t.Errorf("body: %s", body)
	}
	if header.Get("Content-Type") != "application/json" || header.Get("User-Agent") != "falcosecurity/falco" {
		t.Errorf("header: %v", header)
	}
	answer = http.StatusBadRequest
	if err := hook.Post(t.Context(), line); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("refused: %v", err)
	}
	server.Close()
	if err := hook.Post(t.Context(), line); err == nil || strings.Contains(err.Error(), hook.URL) {
		t.Errorf("the URL is told: %v", err)
	}
	if _, there := alert.Fields["evt.time"]; there {
		t.Error("the alert was changed")
	}
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"%proc.name x", "%5tolower(fd.name)%proc.aname[2]", "%evt.arg[0]", "100%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := Parse(text, true)
		if err != nil {
			if mistake := err.(*Error); mistake.At < 0 || mistake.At > len(text) { //nolint:errorlint // what Parse promises
				t.Fatalf("%q: at %d", text, mistake.At)
			}
			return
		}
		template.Render(event(), compare.Lexical)
		template.Values(event(), compare.Lexical)
	})
}
