// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// asPlugin has this test binary be the plugin: a signal ends a process, so that the plugin has to be one.
const asPlugin = "TRACE_SEC_TEST_AS_PLUGIN"

func TestMain(m *testing.M) {
	if os.Getenv(asPlugin) != "" {
		os.Exit(Main(os.Args[1:], genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}, built))
	}
	os.Exit(m.Run())
}

// endSignals are different ones: of equal ones that come together the kernel delivers one. Not SIGHUP, which stays ignored below nohup.
var endSignals = []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}

// In each format, three signals end the command at once though nobody reads what it writes, messages and all; one and two end it in
// their time.
func TestLocalEndsWhenNobodyReads(t *testing.T) {
	for _, test := range []struct {
		format  string
		args    []string
		signals int
		within  time.Duration
	}{
		{"tree", nil, 3, 2 * time.Second},
		{"compact", nil, 3, 2 * time.Second},
		{"wide", nil, 3, 2 * time.Second},
		{"json", nil, 3, 2 * time.Second},
		{"yaml", nil, 3, 2 * time.Second},
		{"jsonpath={.process_exec.process.binary}", nil, 3, 2 * time.Second},
		{"tree", nil, 2, 7 * time.Second},
		{"json", []string{"--session-log", "-"}, 1, 13 * time.Second},
	} {
		t.Run(test.format+" "+strings.Repeat("|", test.signals), func(t *testing.T) {
			t.Parallel()
			cmd := stuckCommand(t, append([]string{"exec", "--local", "--every", "-o", test.format}, test.args...)...)
			for _, signal := range endSignals[:test.signals] {
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			watchdog := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
			defer watchdog.Stop()
			_ = cmd.Wait()
			if took := time.Since(began); took > test.within {
				t.Errorf("it ended after %s, want at most %s", took, test.within)
			}
			if code := cmd.ProcessState.ExitCode(); test.signals == 3 && !slices.Contains(endSignals, syscall.Signal(code-128)) {
				t.Errorf("exit code %d, want that of an end by signal", code)
			}
		})
	}
}

// stuckCommand is the plugin, waiting in a write to a pipe that nobody reads.
func stuckCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close() })
	if _, err := unix.FcntlInt(to.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), asPlugin+"=1", "KUBECONFIG=/nonexistent")
	cmd.Stdout, cmd.Stderr = to, to
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	to.Close()
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	for deadline := time.Now().Add(time.Minute); !writes(cmd.Process.Pid); {
		if time.Now().After(deadline) {
			t.Fatal("it never waits for its reader")
		}
		if err := exec.Command("/bin/true").Run(); err != nil { // something to tell of
			t.Fatal(err)
		}
	}
	return cmd
}

// writes says whether a thread of a process waits in a write to a pipe.
func writes(pid int) bool {
	threads, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task/*/wchan"))
	return slices.ContainsFunc(threads, func(thread string) bool {
		where, _ := os.ReadFile(thread)
		return strings.Contains(string(where), "pipe_write")
	})
}
