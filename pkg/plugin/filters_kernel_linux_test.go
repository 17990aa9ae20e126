// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// These tests load policies into this machine's kernel and need root.

// readsVerb is a command of the tests whose policy is about reads of one file.
func readsVerb(t *testing.T, file string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}
	env := trace.Environment{IOStreams: streams, Build: built, Cluster: cluster.New(streams, "test")}
	cmd := trace.Command(env, trace.Verb{
		Use: "reads", Title: "Reads", Flags: pflag.NewFlagSet("", pflag.ContinueOnError), PrintsPolicy: true,
		Work: func(trace.Request) (trace.Work, error) {
			no := false
			return trace.Work{Composed: []compose.Policy{{Name: "reads", Kprobes: []compose.Hook{{
				Call: "security_file_permission", Syscall: &no,
				Args: []compose.Argument{{Index: 0, Type: "file"}, {Index: 1, Type: "int"}},
				Selectors: []compose.Selector{{MatchArgs: []compose.Filter{
					{Index: 0, Operator: "Equal", Values: []string{file}}, {Index: 1, Operator: "Mask", Values: []string{"4"}},
				}}},
			}}}}}, nil
		},
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.Execute()
	return out.String(), errOut.String(), err
}

// told are the events of hooks in a session's JSON, a line of what they say each, and how many came out of the kernel.
func told(t *testing.T, stdout string) (lines []string, seen uint64) {
	t.Helper()
	for _, e := range readEvents(t, stdout) {
		switch {
		case e.ProcessKprobe != nil:
			p := e.ProcessKprobe.Process
			lines = append(lines, p.Binary+" "+p.Arguments)
		case e.Bye != nil:
			seen = e.Bye.Totals.Seen["hook"]
		}
	}
	return lines, seen
}

// programs makes a folder with a program, a link to it, a script and a file to read; all are known under several names.
func programs(t *testing.T) (folder, file string) {
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(folder, "file")
	bin := filepath.Join(folder, "bin")
	cat, err := os.ReadFile("/bin/cat")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Mkdir(bin, 0o755), os.WriteFile(file, []byte("text\n"), 0o644), os.WriteFile(filepath.Join(bin, "reader"), cat, 0o755),
		os.Symlink("reader", filepath.Join(bin, "link")),
		os.WriteFile(filepath.Join(bin, "script.sh"), []byte("#!/bin/sh\nread x <"+file+"\n"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder, file
}

// What the kernel is asked for is never less than what the filter keeps: a program said by its path or name, which the kernel
// compares too, has the same events as the expression for the same paths, which it does not.
func TestNarrowedPolicyTellsTheSame(t *testing.T) {
	folder, file := programs(t)
	script := strings.NewReplacer("DIR", folder, "FILE", file).Replace(`exec >/dev/null
		DIR/bin/reader FILE; DIR/bin/link FILE; DIR//bin/link FILE; DIR/./bin/link FILE; DIR/bin/../bin/link FILE; DIR/bin/../bin/script.sh
		DIR/bin/script.sh; DIR//bin/script.sh; (cd DIR/bin; ./script.sh; ./link FILE; ./reader FILE; ../bin/link FILE)
		PATH=DIR/bin/; link FILE; script.sh; PATH=DIR/bin; link FILE; script.sh; cd DIR/bin; PATH=; link FILE; script.sh; PATH=/usr/bin:/bin
		exec 5<DIR/bin/reader 6<DIR/bin/script.sh; /proc/self/fd/5 FILE; /dev/fd/5 FILE; /proc/self/fd/6
		(read x <FILE); read x <FILE; sh -c 'read x <FILE; (read x <FILE); exec DIR/bin/link FILE'; cat FILE`)
	_, all := told(t, runReads(t, file, "-o", "json", "--session-log", "-", "--local", "--", "/bin/sh", "-c", script))
	for _, program := range []string{
		folder + "/bin/reader", folder + "/bin/link", folder + "/bin/script.sh", "/bin/sh", "/usr/bin/cat", "/usr/bin/tac", "script.sh", "link", "sh", "6",
	} {
		pattern := "~^" + regexp.QuoteMeta(program) + "$"
		if !strings.HasPrefix(program, "/") {
			pattern = "~(^|/)" + regexp.QuoteMeta(program) + "$"
		}
		narrowed, seen := told(t, runReads(t, file, "-o", "json", "--session-log", "-", "--local", "--binary", program, "--", "/bin/sh", "-c", script))
		filtered, unnarrowed := told(t, runReads(t, file, "-o", "json", "--session-log", "-", "--local", "--binary", pattern, "--", "/bin/sh", "-c", script))
		slices.Sort(narrowed)
		slices.Sort(filtered)
		if !slices.Equal(narrowed, filtered) {
			t.Errorf("%s: narrowed:\n%s\nfiltered:\n%s", program, strings.Join(narrowed, "\n"), strings.Join(filtered, "\n"))
		}
		t.Logf("%s: %d events, %d came out of the kernel, %d without narrowing", program, len(narrowed), seen, unnarrowed)
		if unnarrowed != all || seen >= all || seen < uint64(len(narrowed)) {
			t.Errorf("%s: %d came out of the kernel of %d, and %d without narrowing; %d are shown", program, seen, all, unnarrowed, len(narrowed))
		}
	}
}

func runReads(t *testing.T, file string, args ...string) string {
	t.Helper()
	stdout, stderr, err := readsVerb(t, file, args...)
	if err != nil {
		t.Fatalf("%v; stderr:\n%s", err, stderr)
	}
	return stdout
}

// The kernel knows the programs of processes that ran before it was asked, too.
func TestNarrowedPolicyKnowsWhatRuns(t *testing.T) {
	_, file := programs(t)
	shell := exec.Command("/bin/sh")
	commands, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer func() { _ = commands.Close() }()
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				_, _ = fmt.Fprintf(commands, "read x <%s\n", file)
			}
		}
	}()
	stdout := runReads(t, file, "-o", "json", "--session-log", "-", "--local", "--pid", fmt.Sprint(shell.Process.Pid), "--binary", "dash", "--event", "kprobe", "--max-events", "1", "--duration", "30s")
	close(done)
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
	if lines, _ := told(t, stdout); len(lines) != 1 || !strings.HasPrefix(lines[0], "/usr/bin/dash") {
		t.Errorf("events %q", lines)
	}
}

// What is printed is what runs.
func TestPrintPolicyIsNarrowed(t *testing.T) {
	out := runReads(t, "/x", "--print-policy", "--binary", "/usr/bin/curl", "--binary", "wget", "--pid", "7")
	for _, want := range []string{"matchBinaries", "operator: Postfix", "- curl", "- wget", "matchPIDs", "- 7"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	for _, args := range [][]string{{"--binary", "~curl"}, {"--binary", "curl", "--binary", "~x"}, {"--binary", "curl", "--local", "--cgroup", "/sys/fs/cgroup"}, {"--local", "--pid", "1"}} {
		if out := runReads(t, "/x", append(args, "--print-policy")...); strings.Contains(out, "matchBinaries") || strings.Contains(out, "matchPIDs") {
			t.Errorf("%v:\n%s", args, out)
		}
	}
}
