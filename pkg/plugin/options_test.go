// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/build"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
)

// built is a build with an image; kubeconfig names a cluster that nobody may talk to in these tests.
var built = build.Info{Version: "v0.0.1", Image: "localhost/trace-sec-tracer@sha256:0000"}

// runPlugin runs the plugin without a cluster.
func runPlugin(t *testing.T, info build.Info, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/nonexistent/kubeconfig")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("HOME", t.TempDir())
	var out, errOut bytes.Buffer
	code = Main(args, genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}, info)
	return code, out.String(), errOut.String()
}

func TestRefusedBeforeAnythingStarts(t *testing.T) {
	for _, test := range []struct {
		args string
		want string // in the error
	}{
		{"exce", `unknown command "exce"`},
		{"exce", "did you mean exec?"},
		{"logs web", "see kubectl trace-sec exec"},
		{"lint -f x", "see kubectl trace-sec policy lint"},
		{"Files", "see kubectl trace-sec file"},
		{"nothing", "want one of attach, caps, "},
		{"policy lnt", "did you mean lint?"},
		{"help exce", "did you mean exec?"},
		{"help policy lnt", "did you mean lint?"},
		{"exec --all", ": all pods of the namespace are the default, -A are those of all namespaces\n"},
		{"enforce --all", "--all-pods are those of the namespace"},
		{"cleanup --all", "--all-sessions removes"},
		{"exec --pods a", "unknown flag: --pods; did you mean --pod?\n"},
		{"exec -p web", "--pod names a pod"},
		{"exec -f web", "events are shown as they happen anyway"},
		{"exec --tail=10 web", "nothing is recorded before a trace begins"},
		{"exec -it web -- sh", "kubectl exec -it runs something"},
		{"exec --no-color", "--color never"},
		{"exec --event-types exec", "--event takes types of events"},
		{"exec --color", "--color needs a value: auto, always or never"},
		{"run -f", "-f, --filename needs a value: FILE with policies"},
		{"exec --duration 5min", "did you mean 5m?"},
		{"exec --duration 1d", "did you mean 24h?"},
		{"exec --duration soon", `--duration "soon": want a time with its unit`},
		{"exec --max-events 1k", `--max-events "1k": want a whole number above 0`},
		{"exec --pid x", `--pid "x": want numbers`},
		{"exec --strict=maybe", `--strict "maybe": want true or false`},
		{"exec -o YAML", "did you mean yaml?"},
		{"exec -o name", "-o jsonpath="},
		{"exec --node n1,n2", "the flag is repeated instead: --node n1 --node n2"},
		{"exec -n a,b", "one namespace is traced, or all: -A"},
		{"exec -n A", `--namespace "A" is not a name`},
		{"exec --dry-run -A", "--dry-run took -A for its value"},
		{"exec --selector --strict", "--selector took --strict for its value"},
		{"exec --pod -A", "--pod took -A for its value"},
		{"exec --event process_exec", "did you mean exec?"},
		{"exec --exclude uid:0", "did you mean uid=0?"},
		{"exec --uid root", "root is 0"},
		{"exec --cel process.pid==1", "as process_exec.process"},
		{"exec --cel process_exec.process.pid=1", "CEL compares with =="},
		{"exec --cel proces_exec.process.pid==1", "did you mean process_exec?"},
		{"exec -o json --fields process_exec.process.pid", "without the type of event before it, as process.binary"},
		{"run policy.yaml web", "did you mean -f policy.yaml?"},
		{"policy lint policy.yaml", "did you mean -f policy.yaml?"},
		{"file /etc/passwd", "did you mean --prefix /etc/passwd?"},
		{"exec --user nope", "--uid filters by the user of a process"},
		{"exec --kubeconfig options_test.go", "read kubeconfig: options_test.go is none"},
		{"exec --continer web", "did you mean --container?"},
		{"exec --durration 5s", "did you mean --duration?"},
		{"exec -x", "unknown shorthand flag"},
		{"exec --duration", "--duration needs a value: End after this TIME"},
		{"exec --duration 5", "did you mean 5s?"},
		{"exec --duration -5s", "--duration -5s: at least 1s"},
		{"exec --duration 0s", "--duration 0s: at least 1s"},
		{"exec --max-events 0", "--max-events 0: at least 1"},
		{"exec --max-events -1", "want a whole number above 0"},
		{"exec -A -n web", "exclude each other"},
		{"exec -A web", "looked up in one namespace"},
		{"exec -A deploy/web", "looked up in one namespace"},
		{"exec -A --pod web", "looked up in one namespace"},
		{"exec web -l app=web", "names and selectors exclude each other"},
		{"exec --pod web --field-selector status.phase=Running", "names and selectors exclude each other"},
		{"exec --pod Web_1", "--pod \"Web_1\" is not a name"},
		{"exec --pod ", "--pod"},
		{"exec --node n/1", "--node \"n/1\" is not a name"},
		{"exec -c a.b", "--container \"a.b\" is not a name"},
		{"exec --tracer-namespace A", "--tracer-namespace \"A\" is not a name"},
		{"exec --image-pull-secret A", "--image-pull-secret \"A\" is not a name"},
		{"exec --image-pull-policy Sometimes", "want one of Always, IfNotPresent, Never"},
		{"exec --image a\tb", "is not the reference of an image"},
		{"exec --image=", "is not the reference of an image"},
		{"exec --color yes", "want one of auto, always, never"},
		{"exec --emoji yes", "want one of auto, always, never"},
		{"exec --dry-run maybe", "want one of none, client, server"},
		{"exec --dry-run client -o tree", "--dry-run prints pods"},
		{"exec -o xml", "xml"},
		{"exec --session-log=", "--session-log is empty"},
		{"exec --local --session-log - -- true", "add -o json"},
		{"exec --local --session-log - -o yaml -- true", "add -o json"},
		{"exec --dry-run client --session-log x", "--dry-run has no session"},
		{"exec --local --session-log /nonexistent/log -- true", "/nonexistent/log: no such file"},
		{"caps --advise --local -o json --session-log - -- true", "name a file"},
		{"exec -o jsonpath={", "jsonpath"},
		{"exec -- ls", "is run by --local only"},
		{"exec web -- ls", "is run by --local only"},
		{"exec --pid 1 --cgroup /x", "add --local"},
		{"exec --cgroup /sys/fs/cgroup", "add --local"},
		{"exec --local ls", `--local -- ls`},
		{"exec --local ls -- ls", `"ls" would be a pod`},
		{"exec --local --pid 1 -- ls", "leave out --cgroup and --pid"},
		{"exec --local --pid 0", "--pid 0 is not a process"},
		{"exec --local -l a=b -A", "leave out --all-namespaces, --selector"},
		{"exec --local --context prod", "leave out --context"},
		{"exec --local -n web", "leave out --namespace"},
		{"exec --local --image a", "leave out --image"},
		{"exec --local --dry-run client", "leave out --dry-run"},
		{"exec --local -c web", "leave out --container"},
		{"exec --local -o xml", "xml"},
		{"exec --server http://localhost:1 -l a=b=c", "a=b=c"},
		{"exec web", "no cluster is configured"},
		{"exec --context nope web", "nope"},
		{"run", "-f FILE is missing"},
		{"run --local -- true", "-f FILE is missing"},
		{"run -f /nonexistent/policy.yaml web", "/nonexistent/policy.yaml: no such file or directory"},
		{"run -f - web", "<stdin>: there is no policy"},
		{"run --filname x", "did you mean --filename?"},
		{"policy explain", "-f FILE is missing"},
		{"policy explain -f /nonexistent/policy.yaml", "/nonexistent/policy.yaml: no such file or directory"},
		{"policy explain -f x -o xml", "want json or yaml"},
		{"policy explain x", "-f FILE is missing"},
		{"cleanup", "no cluster is configured"},
		{"cleanup --tracer-namespace A", "is not a name"},
		{"cleanup everything", "unknown command"},
		{"version 1", "unknown command"},
	} {
		t.Run(test.args, func(t *testing.T) {
			code, out, errOut := runPlugin(t, built, strings.Split(test.args, " ")...)
			if code != exit.Error {
				t.Errorf("exit code %d, want %d", code, exit.Error)
			}
			if !strings.Contains(errOut, test.want) {
				t.Errorf("stderr lacks %q:\n%s", test.want, errOut)
			}
			if out != "" {
				t.Errorf("stdout is for events, got:\n%s", out)
			}
		})
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	_, _, errOut := runPlugin(t, built, "exec", "-A", "-n", "x", "--color", "red", "--max-events", "0", "-o", "YAML", "--event", "exce")
	for _, want := range []string{"--namespace", "--color", "--max-events", "did you mean yaml?", "did you mean exec?"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("stderr lacks %s:\n%s", want, errOut)
		}
	}
}

func TestBuildWithoutImage(t *testing.T) {
	server := []string{"--server", "http://127.0.0.1:1"} // nobody listens there
	code, _, errOut := runPlugin(t, build.Info{}, append([]string{"exec", "web", "--tracer", "image"}, server...)...)
	if code != exit.Error || !strings.Contains(errOut, "--image") {
		t.Errorf("exit code %d, stderr:\n%s", code, errOut)
	}
	// With one it gets as far as the kubeconfig.
	if _, _, errOut := runPlugin(t, build.Info{}, "exec", "web", "--image", "localhost/x:1"); !strings.Contains(errOut, "no cluster is configured") {
		t.Errorf("stderr:\n%s", errOut)
	}
}

func TestHelp(t *testing.T) {
	for _, command := range []string{"exec", "run", "policy", "policy lint", "policy explain", "cleanup"} {
		t.Run(command, func(t *testing.T) { testHelp(t, command) })
	}
}

func testHelp(t *testing.T, command string) {
	code, out, errOut := runPlugin(t, built, append(strings.Fields(command), "--help")...)
	if code != exit.OK || errOut != "" {
		t.Fatalf("exit code %d, stderr:\n%s", code, errOut)
	}
	if lines := strings.Count(out, "\n"); lines > helpLines {
		t.Errorf("%d lines are more than one screen", lines)
	}
	if examples := strings.Count(out, "  # "); examples != 3 {
		t.Errorf("%d examples, want 3", examples)
	}
	for line := range strings.SplitSeq(out, "\n") {
		if len(line) > help.Width {
			t.Errorf("line of %d characters: %s", len(line), line)
		}
	}
	for _, want := range []string{"kubectl trace-sec " + command, "kubectl trace-sec options"} {
		if !strings.Contains(out, want) {
			t.Errorf("help lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "--client-certificate") {
		t.Error("help holds the kubeconfig flags, which \"options\" shows")
	}
}

func TestHelpShowsTheFlags(t *testing.T) {
	for command, flags := range map[string][]string{
		"exec": {"--pod NAME", "--local"}, "run": {"-f, --filename FILE", "--pod NAME", "--local"}, "policy explain": {"-f, --filename FILE", "--enforce", "-o, --output"},
	} {
		_, out, _ := runPlugin(t, built, append(strings.Fields(command), "--help")...)
		for _, want := range flags {
			if !strings.Contains(out, want) {
				t.Errorf("help of %s lacks %q:\n%s", command, want, out)
			}
		}
	}
}

func TestOptionsShowsKubeconfigFlags(t *testing.T) {
	_, out, _ := runPlugin(t, built, "options")
	for _, want := range []string{"--context", "--kubeconfig", "--as", "--namespace", "-v, --v"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %s:\n%s", want, out)
		}
	}
}

func TestVersion(t *testing.T) {
	code, out, _ := runPlugin(t, built, "version")
	want := "kubectl trace-sec v0.0.1\ntracer image: " + built.Image + "\n"
	carried, err := filepath.Glob("carry/tracers/tracer_*.gz") // what make build has left there, if it ran
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range carried {
		payload, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		architecture := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "tracer_"), ".gz")
		want += fmt.Sprintf("carried tracer for %s: sha256:%x, %d bytes\n", architecture, sha256.Sum256(payload), len(payload))
	}
	if len(carried) == 0 {
		want += "carried tracer: none, make build builds a plugin with one\n"
	}
	if code != exit.OK || out != want {
		t.Errorf("exit code %d:\n%s\nwant:\n%s", code, out, want)
	}
}

// Without a cluster, completion offers what it knows and says nothing.
func TestCompletion(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"__complete ex", "exec"},
		{"__complete exec --out", "--output"},
		{"__complete exec -o ", "tree\ncompact\nwide\njson\nyaml\njsonpath=\n"},
		{"__complete exec --color ", "auto\nalways\nnever"},
		{"__complete exec --emoji ", "auto\nalways\nnever"},
		{"__complete exec --dry-run ", "none\nclient\nserver"},
		{"__complete exec --image-pull-policy ", "Always\nIfNotPresent\nNever"},
		{"__complete exec ", ":4"},
		{"__complete exec --pod ", ":4"},
		{"__complete exec --node ", ":4"},
		{"__complete exec -c ", ":4"},
		{"__complete exec --tracer-namespace ", ":4"},
		{"__complete exec -n ", ":4"},
		{"__complete exec --context ", ":4"},
		{"__complete run --file", "--filename"},
		{"__complete run -o ", "tree\ncompact"},
		{"__complete run --pod ", ":4"},
		{"__complete policy ", "explain"},
		{"__complete policy explain -o ", "json\nyaml"},
		{"__complete cleanup --tracer-namespace ", ":4"},
	} {
		t.Run(test.args, func(t *testing.T) {
			code, out, errOut := runPlugin(t, built, strings.Split(test.args, " ")...)
			if code != exit.OK || !strings.HasPrefix(out, test.want) {
				t.Errorf("exit code %d, want %q, got:\n%s", code, test.want, out)
			}
			// cobra's own note about the directive is the only thing that may be said.
			if lines := strings.Count(errOut, "\n"); lines > 1 || strings.Contains(errOut, "rror:") {
				t.Errorf("stderr:\n%s", errOut)
			}
		})
	}
}
