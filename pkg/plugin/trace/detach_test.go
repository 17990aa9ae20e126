// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
)

// Others see the command without what it is reached with, and without secrets, so that it can be pasted into a shell.
func TestCommandLine(t *testing.T) {
	env := Environment{Cluster: cluster.New(genericiooptions.NewTestIOStreamsDiscard(), "v0")}
	v := Verb{Use: "exec [POD]..."}
	o := newOptions(env, v)
	cmd := &cobra.Command{Use: "exec"}
	o.addTo(cmd, v)
	env.Cluster.Config.AddFlags(cmd.Flags())
	for _, args := range [][]string{{"--token", "secret", "--redact", "secret", "--binary", "it's", "--uid", "1,2", "-A", "--detach", "--duration", "1h", "deploy/web"}} {
		if err := cmd.ParseFlags(args); err != nil {
			t.Fatal(err)
		}
	}
	o.complete(cmd, cmd.Flags().Args())
	const want = `exec --all-namespaces --duration=1h0m0s --detach '--binary=it'\''s' --uid=1 --uid=2 --redact=... deploy/web`
	if got := o.commandLine(v); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestChooseSession(t *testing.T) {
	found := []launch.Session{{ID: "abcd"}, {ID: "abef"}, {ID: "ffff"}}
	for name, want := range map[string]string{
		"abcd": "abcd", "f": "ffff",
		"ab": `session "ab" is one of 2: give more of its name`,
		"x":  `there is no session "x" in namespace ns, but: abcd, abef, ffff`,
	} {
		got, err := choose(found, name, "ns")
		if err != nil && err.Error() != want || err == nil && got.ID != want {
			t.Errorf("%s: %v, %v; want %s", name, got, err, want)
		}
	}
	if _, err := choose(nil, "x", "ns"); err == nil || err.Error() != "there is no session in namespace ns" {
		t.Errorf("without sessions: %v", err)
	}
}
