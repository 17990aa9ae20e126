// SPDX-License-Identifier: Apache-2.0

//go:build linux

package carry

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// asTracer has this test's executable be what the starter receives: it writes what it was given, and ends.
const asTracer = "TRACE_SEC_TEST_AS_TRACER"

// given is what a program that the starter executed was given.
type given struct {
	Arguments []string
	Input     string
	// Executable as the kernel names it.
	Executable string
}

func TestMain(m *testing.M) {
	if os.Getenv(asTracer) == "" {
		os.Exit(m.Run())
	}
	rest, err := io.ReadAll(os.Stdin)
	executable, linkErr := os.Readlink("/proc/self/exe")
	if err != nil || linkErr != nil {
		os.Exit(3)
	}
	_ = json.NewEncoder(os.Stdout).Encode(given{os.Args, string(rest), executable})
	os.Exit(7)
}

// compressed is this test's executable as a tracer that is carried.
func compressed(t *testing.T) Tracer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	var payload bytes.Buffer
	w, _ := gzip.NewWriterLevel(&payload, gzip.BestSpeed)
	_, _ = w.Write(program)
	_ = w.Close()
	return newTracer(runtime.GOARCH, nil, payload.Bytes())
}

// starters are commands: that of another architecture is run by an emulator, and executes a program of this machine's.
func starters(t *testing.T) map[string][]string {
	t.Helper()
	own, err := filepath.Abs("starter_" + runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string][]string{runtime.GOARCH: {own}}
	if runtime.GOARCH == "amd64" {
		other, _ := filepath.Abs("starter_arm64")
		emulator, err := exec.LookPath("qemu-aarch64-static")
		if err != nil {
			t.Fatal("test/tools.sh installs what is missing: ", err)
		}
		commands["arm64"] = []string{emulator, other}
	}
	return commands
}

// inContainer is a script that runs its arguments in a root of its own, as a container has one: with a file for last words, which is
// $0, and an empty directory in memory.
const inContainer = `set -e
mount -t tmpfs none /mnt && cd /mnt && mkdir -p dev proc tmp usr work trace-sec/memory
for directory in bin sbin lib lib64; do
	[ ! -e /$directory ] || cp -d /$directory . 2>/dev/null || { mkdir $directory && mount --rbind /$directory $directory; }
done
for directory in proc tmp usr "$PWD_OUTSIDE"; do
	mkdir -p ./$directory && mount --rbind /$directory ./$directory
done
: >dev/termination-log && mount --bind "$0" dev/termination-log
exec chroot . "$@"`

// start runs a starter with a stream on its standard input, and with its last words in a file of its own.
func start(t *testing.T, command []string, arguments []string, input []byte) (output string, last event.Bye, code int) {
	t.Helper()
	words := filepath.Join(t.TempDir(), "termination-log")
	if err := os.WriteFile(words, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	inner := slices.Concat([]string{"--user", "--map-root-user", "--mount", "sh", "-c", inContainer, words}, command, arguments)
	cmd := exec.Command("unshare", inner...)
	cmd.Env = append(os.Environ(), "PWD_OUTSIDE="+here)
	cmd.Env = append(cmd.Env, asTracer+"=1")
	cmd.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	code = cmd.ProcessState.ExitCode()
	if err != nil && code < 0 || stderr.Len() > 0 {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	text, err := os.ReadFile(words)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &last); err != nil {
			t.Fatalf("its last words are no Bye: %q: %v", text, err)
		}
	}
	return string(out), last, code
}

func TestStarterExecutesWhatItReceives(t *testing.T) {
	tracer := compressed(t)
	for architecture, command := range starters(t) {
		t.Run(architecture, func(t *testing.T) {
			const rest = "{\"targets\":{}}\n\n"
			arguments := slices.Concat(tracer.Command("/starters", "/trace-sec-tracer")[1:], []string{"--config", `{"a b":"\u0024"}`})
			out, last, code := start(t, command, arguments, append(slices.Clone(tracer.Payload), rest...))
			if code != 7 {
				t.Fatalf("exit code %d, last words %+v", code, last)
			}
			var got given
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatalf("%q: %v", out, err)
			}
			want, executable := arguments[3:], "/memfd:trace-sec-tracer"
			if architecture != runtime.GOARCH { // the emulator lacks execveat(2), as if memory could not be executed
				want, executable = slices.Insert(slices.Clone(want), 1, "--from-file"), "/trace-sec/memory/tracer"
			}
			if !slices.Equal(got.Arguments, want) {
				t.Errorf("arguments are %q, not %q", got.Arguments, want)
			}
			if got.Input != rest {
				t.Errorf("its standard input is %q, not what follows the tracer", got.Input)
			}
			if !strings.HasPrefix(got.Executable, executable) {
				t.Errorf("it runs from %s", got.Executable)
			}
		})
	}
}

func TestStarterRefuses(t *testing.T) {
	tracer := compressed(t)
	sound := tracer.Command("/starters", "/trace-sec-tracer")[1:]
	with := func(i int, value string) []string {
		arguments := slices.Clone(sound)
		arguments[i] = value
		return arguments
	}
	changed := slices.Clone(tracer.Payload)
	changed[len(changed)/2] ^= 1
	noProgram := newTracer("", nil, gzipped(t, []byte("no program")))
	for architecture, command := range starters(t) {
		for name, test := range map[string]struct {
			arguments    []string
			input        []byte
			reason, says string
		}{
			"a changed tracer":          {sound, changed, event.ByeError, "its SHA-256 is another"},
			"another digest":            {with(0, strings.Repeat("0", 64)), tracer.Payload, event.ByeError, "its SHA-256 is another"},
			"a digest that is too long": {with(0, tracer.Digest+"0"), tracer.Payload, event.ByeError, "its SHA-256 is another"},
			"a cut stream":              {sound, tracer.Payload[:1000], event.ByeAbandoned, "ended before the tracer was received"},
			"no stream":                 {sound, nil, event.ByeAbandoned, "ended before the tracer was received"},
			"no number":                 {with(1, "12x"), tracer.Payload, event.ByeError, "a size is not a number"},
			"nothing":                   {with(1, "0"), tracer.Payload, event.ByeError, "a size is out of range"},
			"too much":                  {with(1, "99999999999999999999999"), tracer.Payload, event.ByeError, "a size"},
			"a size that is too small":  {with(2, fmt.Sprint(tracer.Size-1)), tracer.Payload, event.ByeError, "cannot be decompressed"},
			"a size that is too large":  {with(2, fmt.Sprint(tracer.Size+1)), tracer.Payload, event.ByeError, "cannot be decompressed"},
			"no program":                {noProgram.Command("/starters", "/x")[1:], noProgram.Payload, event.ByeError, "can be executed neither from memory nor from /trace-sec/memory/tracer: errno "},
			"too few arguments":         {sound[:3], tracer.Payload, event.ByeError, "usage"},
		} {
			t.Run(architecture+"/"+name, func(t *testing.T) {
				out, last, code := start(t, command, test.arguments, test.input)
				if code != 1 || out != "" {
					t.Errorf("exit code %d, output %q", code, out)
				}
				if last.Reason != test.reason || !strings.HasPrefix(last.Error, "starter: ") || !strings.Contains(last.Error, test.says) {
					t.Errorf("last words: %+v", last)
				}
			})
		}
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestStartersMatchTheirSource: what is committed is what make generate gives.
func TestStartersMatchTheirSource(t *testing.T) {
	fresh := t.TempDir()
	if out, err := exec.Command("./starter/build.sh", fresh).CombinedOutput(); err != nil {
		t.Fatalf("%v (bpf/toolchain.sh installs the compiler): %s", err, out)
	}
	for _, a := range architectures {
		built, err := os.ReadFile(filepath.Join(fresh, "starter_"+a.name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, a.starter) {
			t.Errorf("starter_%s is not what its source gives: run make generate and commit", a.name)
		}
	}
}
