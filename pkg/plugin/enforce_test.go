// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// kills is a policy that enforces.
func kills(t *testing.T, name, more string) string {
	return writePolicy(t, name, more+"  kprobes: [{call: security_file_open, syscall: false, args: [{index: 0, type: file}], "+
		"selectors: [{matchArgs: [{index: 0, operator: Prefix, values: [/nowhere/]}], matchActions: [{action: Sigkill}]}]}]")
}

func TestEnforceRefuses(t *testing.T) {
	killing, named := kills(t, "killing", ""), kills(t, "deny-write", "")
	observing := writePolicy(t, "observing", "  loader: true")
	monitoring := kills(t, "monitoring", "  options: [{name: policy-mode, value: monitor}]\n")
	const etc = "--deny-write /etc "
	for args, want := range map[string]string{
		etc:                                                         "enforce on what?",
		etc + "--node n1 --yes":                                     "enforce on what?",
		etc + "-n shop":                                             "enforce on what?",
		etc + "web":                                                 "this is no terminal",
		etc + "--monitor --yes web":                                 "leave out --yes",
		etc + "--all-pods web":                                      "exclude each other",
		etc + "--all-pods -A":                                       "exclude each other",
		etc + "--all-pods -l a=b":                                   "exclude each other",
		etc + "--yes -A web":                                        "looked up in one namespace",
		etc + "--yes --host web":                                    "add --local",
		etc + "--yes --local":                                       "say --host if it is meant",
		etc + "--yes --local --pid 1":                               "add --host if it is meant",
		etc + "--yes --local --host -- true":                        "leave it out, or the command",
		etc + "--yes --local --all-pods":                            "leave them out with --local",
		etc + "--yes --local --allow-system":                        "leave them out with --local",
		etc + "--yes --duration 24h1s web":                          "at most 24h",
		etc + "--yes --duration 0s web":                             "at least 1s",
		etc + "--yes web":                                           "no cluster is configured",
		"--yes web":                                                 "what is to be enforced?",
		"--yes --kill -f " + killing + " web":                       "--kill is about the --deny flags",
		"--yes -f /nonexistent/p.yaml web":                          "no such file",
		"-f - web":                                                  "-f - takes standard input",
		"--yes -f " + observing + " web":                            "policy observing has no action that enforces",
		"--monitor -f " + observing + " web":                        "run shows what these policies report",
		"--yes -f " + monitoring + " web":                           "only monitors, by its own option",
		"--yes -f " + named + " " + etc + " web":                    "give it another name",
		"--print-policy":                                            "--print-policy prints what the --deny flags make",
		"--yes --deny-write= web":                                   `--deny-write "": empty`,
		"--yes --deny-write etc web":                                "not absolute",
		"--yes --deny-write / web":                                  "that is everything",
		"--yes --deny-write // web":                                 "that is everything",
		"--yes --deny-write /etc/../usr web":                        "/usr is meant",
		"--yes --deny-exec /usr//bin/nc web":                        "/usr/bin/nc is meant",
		"--yes --deny-exec nc web":                                  "not absolute",
		"--yes --deny-exec / web":                                   "that is everything",
		"--yes --deny-connect 10.0.0.1 web":                         "10.0.0.1/32 is meant",
		"--yes --deny-connect fd00::1 web":                          "fd00::1/128 is meant",
		"--yes --deny-connect 10.0.0.1/8 web":                       "10.0.0.0/8 is meant",
		"--yes --deny-connect 10.0.0.0/33 web":                      "not a network",
		"--yes --deny-connect example.org web":                      "not a network",
		"--yes --deny-conect 10.0.0.0/8 web":                        "did you mean --deny-connect?",
		"--yes --deny-write /" + strings.Repeat("x", 4096) + " web": "longer than",
	} {
		t.Run(args, func(t *testing.T) {
			code, out, errOut := runPlugin(t, built, append([]string{"enforce"}, strings.Fields(args)...)...)
			if code != exit.Error || out != "" || !strings.Contains(errOut, want) {
				t.Errorf("exit code %d, stdout %q, stderr lacks %q:\n%s", code, out, want, errOut)
			}
		})
	}
}

// What is wrong with the flags comes before what follows of it: that nobody could be asked.
func TestEnforceSaysAllThatIsWrong(t *testing.T) {
	_, _, errOut := runPlugin(t, built, "enforce", "--deny-connect", "1.2.3", "--deny-exec", "nc", "--color", "red")
	at := 0
	for _, want := range []string{`--deny-connect "1.2.3": not a network`, `--color "red"`, "enforce on what?", "this is no terminal"} {
		next := strings.Index(errOut, want)
		if next < at {
			t.Errorf("stderr lacks %q, or has it too early:\n%s", want, errOut)
		}
		at = next
	}
	if !strings.Contains(errOut, `--deny-exec "nc": not absolute`) {
		t.Errorf("stderr:\n%s", errOut)
	}
}

func TestHelpOfEnforce(t *testing.T) { testHelp(t, "enforce") }

func TestPrintsTheDenials(t *testing.T) {
	code, out, errOut := runPlugin(t, built, "enforce", "--print-policy", "--deny-exec", "/bin/nc", "--deny-write", "/etc/", "--deny-connect", "10.0.0.0/8")
	file, err := policy.Parse("printed", strings.NewReader(out))
	if code != exit.OK || err != nil || len(file.Policies) != 3 {
		t.Fatalf("exit code %d, %v, stderr:\n%s", code, err, errOut)
	}
	for _, p := range file.Policies {
		if !p.Acts() {
			t.Errorf("policy %s enforces nothing", p.Name)
		}
	}
}
