// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

func TestTakeOut(t *testing.T) {
	for _, test := range []struct{ pattern, text, want string }{
		{`secret`, "a secret and a secret", "a ***** and a *****"},
		{`secret`, "nothing", "nothing"},
		{`--password[= ](\S+)`, "--user x --password=geheim --password zwei", "--user x --password=***** --password *****"},
		{`--password[= ](\S*)`, "--password= x", "--password= x"}, // nothing is no secret
		{`(a+)b(c+)`, "xaabccx abc", "x*****b*****x *****b*****"},
		{`((a)b)c`, "abc", "*****c"},                                         // a group inside of another
		{`(?:-a (\S+) ?|-b (\S+) ?)+`, "-b one -a two", "-b ***** -a *****"}, // groups in another order than they are numbered
		{`(a)|b`, "a b", "***** *****"},                                      // no group took part in the second match
		{`pass(?:word)?`, "password pass", "***** *****"},                    // a group that takes nothing is none
		{`ä(ö)ü`, "äöü", "ä*****ü"},
		{`(?i)token=(\w+)`, "TOKEN=abc", "TOKEN=*****"},
	} {
		if got := takeOut(regexp.MustCompile(test.pattern), test.text); got != test.want {
			t.Errorf("%s on %q: %q, want %q", test.pattern, test.text, got, test.want)
		}
	}
}

// fill puts the secret into each text of a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("the geheim bytes"))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.String:
		v.SetString("the geheim text")
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	}
}

// No text of an event is overlooked but those that are spared.
func TestEventsAreRedacted(t *testing.T) {
	f, err := New(Options{Redact: []string{"geheim"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range reflect.TypeFor[event.Event]().NumField() {
		var e event.Event
		fill(reflect.ValueOf(&e).Elem().Field(i))
		f.Redaction().Pass(&pipeline.Item{Event: &e})
		encoded, err := json.Marshal(&e)
		if err != nil {
			t.Fatal(err)
		}
		var data any
		if err := json.Unmarshal(encoded, &data); err != nil {
			t.Fatal(err)
		}
		left := map[string]bool{}
		find(data, "", left)
		for path := range left {
			if !spared(path) {
				t.Errorf("%s is not redacted", path)
			}
		}
	}
}

// find notes where the secret is, by the last two names of the path.
func find(data any, path string, left map[string]bool) {
	switch x := data.(type) {
	case string:
		if strings.Contains(x, "geheim") || strings.Contains(x, "Z2VoZWlt") || strings.Contains(x, "dGhlIGdlaGVpb") {
			left[path] = true
		}
	case []any:
		for _, element := range x {
			find(element, path, left)
		}
	case map[string]any:
		for key, value := range x {
			find(value, path+"."+key, left)
		}
	}
}

// spared are the paths that may hold what an expression matches: identities and vocabularies.
func spared(path string) bool {
	for _, pattern := range []string{
		`\.pod\..*`, `\.(parent_)?exec_id`, `\.docker`, `\.flags`, `\.cap\..*`, `\.cred_arg\..*`, `.*process_credentials.*`, `credentials_change\.before\..*`, `\.ns\..*`, `\.binary_properties\..*`,
		`\.(return_)?action`, `\.policy_name`, `\.tags`, `\.would`, `\.via`, `\.function_name`, `\.subsys`, `process_tracepoint\.event`, `\.ima_hash`, `\.buildid`,
		`^\.node_name`, `process_exit\.signal`, `^\.hello\.(session|boot_id|tiers)`, `^\.hello\.hooks\.(backend|tier|via)`, `^\.notice\.level`, `^\.bye\.reason`, `^\.loss\.cause`,
	} {
		if regexp.MustCompile(pattern + `$`).MatchString(path) {
			// the flags of a file are not a process's
			return !strings.HasSuffix(path, "_arg.flags")
		}
	}
	return false
}

// What is spared is as it was, whatever is redacted: trees and counts depend on it.
func TestIdentitiesStay(t *testing.T) {
	f, err := New(Options{Redact: []string{"."}})
	if err != nil {
		t.Fatal(err)
	}
	e := connect()
	f.Redaction().Pass(&pipeline.Item{Event: e})
	p := e.ProcessKprobe.Process
	if p.ExecID != "curl" || p.ParentExecID != "sh" || p.Flags != "execve clone" || p.Pod.Name != "web" || e.ProcessKprobe.PolicyName != "net" || e.ProcessKprobe.FunctionName != "tcp_connect" {
		t.Errorf("%+v", p)
	}
	if strings.Trim(p.Binary, "*") != "" || strings.Trim(e.ProcessKprobe.Parent.Arguments, "*") != "" {
		t.Errorf("binary %q, parent's arguments %q", p.Binary, e.ProcessKprobe.Parent.Arguments)
	}
}

func TestSeveralRedactions(t *testing.T) {
	f, err := New(Options{Redact: []string{"one", "(two)", "://[^@/]+@"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.RedactText("one two three http://me:pw@host/"), "***** ***** three http*****host/"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	none, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if none.RedactText("one") != "one" || none.Active() || f.Active() {
		t.Error("a filter of nothing does something")
	}
}
