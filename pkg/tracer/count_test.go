// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/kernelversion"
)

// sourceFiles is the size of the C project that is built: each file costs four execs (sh, gcc, cc1, as).
func sourceFiles() int {
	if testing.Short() { // an emulated processor
		return 90
	}
	return 900
}

// cProject writes a C project with a Makefile. $CC is its compiler, by default gcc.
func cProject(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	var objects []string
	for i := range sourceFiles() {
		name := fmt.Sprintf("part%d", i)
		objects = append(objects, name+".o")
		must(t, os.WriteFile(filepath.Join(folder, name+".c"), fmt.Appendf(nil, "int %s(void) { return %d; }\n", name, i), 0o644))
	}
	compiler := cmp.Or(os.Getenv("CC"), "gcc")
	makefile := "CC = " + compiler + "\nall: program\n" +
		"%.o: %.c\n\t@test -e $< && $(CC) -c $< -o $@\n" +
		"program: " + strings.Join(objects, " ") + "\n\t@echo 'int main(void){return 0;}' > main.c; $(CC) -o program main.c $^\n" +
		"clean:\n\t@rm -f *.o program main.c\n"
	must(t, os.WriteFile(filepath.Join(folder, "Makefile"), []byte(makefile), 0o644))
	return folder
}

// straceExecs runs a command under strace and returns how many execs succeeded.
func straceExecs(t testing.TB, name string, arg ...string) (execs int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	command := exec.Command("strace", append([]string{"-f", "-qq", "-e", "trace=execve,execveat", "-e", "signal=none", "-o", log, name}, arg...)...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("strace: %v\n%s", err, out)
	}
	content, err := os.ReadFile(log)
	must(t, err)
	for line := range bytes.Lines(content) {
		if (bytes.Contains(line, []byte("execve")) || bytes.Contains(line, []byte("resumed"))) && bytes.HasSuffix(bytes.TrimSpace(line), []byte("= 0")) {
			execs++
		}
	}
	return execs
}

// allowMissed fails the test if events were lost, other than those that the kernel did not run our programs for: since 7.0
// it lets another task have the CPU while a program of a tracepoint is at work, and takes that one's event for a recursion.
// Elsewhere those must not be either. It returns how many there are.
func allowMissed(t *testing.T, lost map[string]uint64) uint64 {
	t.Helper()
	for cause, n := range lost {
		if n > 0 && (cause != event.LostMissed || kernelversion.Before(7, 0)) {
			t.Errorf("lost %v", lost)
		}
	}
	return lost[event.LostMissed]
}

// TestBuildIsCountedExactly: every exec that strace sees in a run of the same build, each with its exit and its parent.
func TestBuildIsCountedExactly(t *testing.T) {
	needRoot(t)
	folder := cProject(t)
	want := straceExecs(t, "make", "-C", folder, "-j2", "all")
	if out, err := exec.Command("make", "-C", folder, "clean").CombinedOutput(); err != nil {
		t.Fatalf("make clean: %v\n%s", err, out)
	}
	r := traceCommand(t, "make", "-C", folder, "-j2", "all")
	missed := allowMissed(t, r.bye.Totals.Lost)
	if got := len(r.execs()); got > want || uint64(got)+missed < uint64(want) || want < 3*sourceFiles() {
		t.Errorf("%d execs, %d events missed, strace counts %d", got, missed, want)
	}
	if missed == 0 {
		checkTree(t, r)
	}
	t.Logf("%d execs, %d exits; %+v", len(r.execs()), len(r.exits()), r.bye.Totals.Cost)
}

// checkTree: every process ends exactly once, and every parent is a process that is known to have been there.
func checkTree(t *testing.T, r *recording) {
	t.Helper()
	replaced, ended := map[string]bool{}, map[string]int{}
	current := map[string]string{} // exec_id by pid
	for _, e := range r.events {
		p := e.Process()
		pid := strconv.Itoa(int(*p.Pid))
		switch e.Kind() {
		case event.KindExec:
			if before, ok := current[pid]; ok {
				replaced[before] = true // exec in place
			}
			current[pid] = p.ExecID
			if e.Parent() == nil || e.Parent().ExecID != p.ParentExecID {
				t.Errorf("exec of %s: parent %+v, parent_exec_id %s", p.Binary, e.Parent(), p.ParentExecID)
			}
		case event.KindExit:
			ended[p.ExecID]++
			delete(current, pid)
		}
	}
	for pid, id := range current {
		t.Errorf("process %s (%s) has no exit", pid, r.procs[id].Binary)
	}
	for id, times := range ended {
		if times != 1 || replaced[id] {
			t.Errorf("%s has %d exits", r.procs[id].Binary, times)
		}
	}
	for _, e := range r.execs() {
		id := e.Process().ExecID
		if ended[id] == 0 && !replaced[id] {
			t.Errorf("%s has no exit", r.procs[id].Binary)
		}
	}
}

// kernelForks is how many tasks the kernel has made since boot.
func kernelForks(t *testing.T) uint64 {
	t.Helper()
	content, err := os.ReadFile("/proc/stat")
	must(t, err)
	for line := range strings.Lines(string(content)) {
		if count, ok := strings.CutPrefix(line, "processes "); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(count), 10, 64)
			must(t, err)
			return n
		}
	}
	t.Fatal("/proc/stat has no count of processes")
	return 0
}

// TestFloodIsCountedExactly: 5,000 processes per second come and go for 20 s (or as many as an emulated processor can in about
// that time); what is seen and what is lost add up to what the kernel made.
func TestFloodIsCountedExactly(t *testing.T) {
	const perSecond = 5000
	seconds := 20
	if testing.Short() {
		seconds = 1
	}
	scenario, nothing := scenarioProgram(t), nothingProgram(t)
	before, began := kernelForks(t), time.Now()
	r := traceCommand(t, scenario, "many", strconv.Itoa(perSecond*seconds), strconv.Itoa(perSecond), nothing)
	made, took := kernelForks(t)-before, time.Since(began)
	totals := r.bye.Totals
	var lost uint64
	for _, n := range totals.Lost {
		lost += n
	}
	emitted := uint64(3*perSecond*seconds + 3) // fork, exec and exit of each, and of the command itself
	if seen := totals.Seen["exec"] + totals.Seen["fork"] + totals.Seen["exit"]; seen+lost+totals.FactsLost != emitted {
		t.Errorf("seen %v + lost %v is not %d", totals.Seen, totals.Lost, emitted)
	}
	if made < uint64(perSecond*seconds+1) {
		t.Errorf("the kernel made %d tasks only", made)
	}
	missed := allowMissed(t, totals.Lost)
	if got, want := uint64(len(r.execs())), uint64(perSecond*seconds+1); got > want || got+missed < want {
		t.Errorf("%d execs came out, %d events were missed", got, missed)
	}
	t.Logf("%.0f processes per second; %+v", float64(perSecond*seconds)/took.Seconds(), totals)
}
