// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// How long the end of a command may take, from the last signal on, and how much more on a busy machine.
const (
	drainWithin   = 5 * time.Second
	cleanupWithin = 5 * time.Second
	margin        = 3 * time.Second
)

// sayALot runs a hundred programs a second: more than a pipe or a terminal holds that nobody reads.
const sayALot = `while sleep 0.01; do /bin/echo "$HOSTNAME" >/dev/null; done`

// reader is where the command's output goes, messages and all, as with "2>&1 | less" and on a terminal.
type reader struct {
	name string
	// open returns the end that the command writes to, and the reader's.
	open func(t *testing.T) (commands, readers *os.File)
}

// pipe is one of the least size, so that it is soon full.
var pipe = reader{"pipe", func(t *testing.T) (*os.File, *os.File) {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(to.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	return to, from
}}

var pseudoterminal = reader{"terminal", func(t *testing.T) (*os.File, *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return slave, master
}}

// startInto starts a command whose output, messages and all, goes to a reader.
func (s *scene) startInto(r reader, cmd *exec.Cmd) (readers *os.File) {
	s.Helper()
	commands, readers := r.open(s.T)
	cmd.Stdout, cmd.Stderr = commands, commands
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	commands.Close()
	s.Cleanup(func() {
		readers.Close()
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return readers
}

// awaitStuck waits until a process waits for its reader: one of its threads is in a write to a pipe or terminal. What it may
// have written so far does not matter.
func (s *scene) awaitStuck(pid int) {
	s.Helper()
	s.eventuallyDoing("a write that waits", func() bool {
		threads, _ := os.ReadDir("/proc/" + itoa(pid) + "/task")
		return slices.ContainsFunc(threads, func(thread os.DirEntry) bool {
			where, _ := os.ReadFile("/proc/" + itoa(pid) + "/task/" + thread.Name() + "/wchan")
			return strings.Contains(string(where), "pipe_write") || strings.Contains(string(where), "tty_write") || strings.Contains(string(where), "wait_woken")
		})
	})
}

// endSignals are different ones: of equal ones that come together the kernel delivers one.
var endSignals = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

// within ends a command by so many signals, and returns its exit code. It fails the test if that takes longer than it may.
func (s *scene) within(cmd *exec.Cmd, signals int) (code int) {
	s.Helper()
	for _, signal := range endSignals[:signals] {
		if err := cmd.Process.Signal(signal); err != nil {
			s.Error(err)
		}
	}
	return s.endsWithin(cmd, []time.Duration{0, drainWithin + cleanupWithin + margin, cleanupWithin + margin, margin}[signals])
}

func (s *scene) endsWithin(cmd *exec.Cmd, limit time.Duration) (code int) {
	s.Helper()
	began := time.Now()
	watchdog := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	code = exitCode(cmd.Wait())
	if took := time.Since(began); took > limit {
		s.Errorf("it ended after %s, want at most %s", took, limit)
	}
	return code
}

// apart is the scene with another namespace of tracers, which a session makes and removes: nothing of it may be left.
func (s *scene) apart(t *testing.T) *scene {
	t.Helper()
	sub := s.in(t)
	sub.tracers = s.namespace + "-" + strings.NewReplacer("/", "-", " ", "-", "_", "-").Replace(strings.ToLower(t.Name()[strings.Index(t.Name(), "/")+1:]))
	t.Cleanup(sub.nothingLeft)
	return sub
}

// However its output is read, or not, and however it is ended, the command ends in time and nothing of it is left.
func TestEndsWhateverBecomesOfTheOutput(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayALot))
	t.Run("by", func(t *testing.T) {
		for _, format := range []string{"tree", "json"} {
			for _, reader := range []reader{pipe, pseudoterminal} {
				for signals := 1; signals <= len(endSignals); signals++ {
					t.Run(format+" "+reader.name+" "+itoa(signals), func(t *testing.T) {
						t.Parallel()
						s.apart(t).endsStuck(reader, format, signals)
					})
				}
				t.Run(format+" "+reader.name+" gone", func(t *testing.T) {
					t.Parallel()
					s.apart(t).endsAlone(reader, format)
				})
			}
			t.Run(format+" slow", func(t *testing.T) {
				t.Parallel()
				s.apart(t).endsSlowly(format)
			})
		}
	})
}

// endsStuck ends a command that waits for somebody who does not read any more: a pager that stands still, a stopped terminal.
func (s *scene) endsStuck(r reader, format string, signals int) {
	cmd := s.command("exec", "busy", "--every", "-o", format)
	s.startInto(r, cmd)
	s.awaitStuck(cmd.Process.Pid)
	code := s.within(cmd, signals)
	if signals < len(endSignals) {
		return
	}
	if !slices.Contains(endSignals, syscall.Signal(code-128)) { // the kernel chooses the order
		s.Errorf("exit code %d, want that of an end by signal", code)
	}
	if got := s.run("cleanup", "--all-sessions"); got.code != 0 {
		s.Errorf("cleanup: exit code %d, stderr %q", got.code, got.stderr)
	}
}

// endsAlone: a terminal or pager that is gone ends the command without a signal.
func (s *scene) endsAlone(r reader, format string) {
	cmd := s.command("exec", "busy", "--every", "-o", format)
	readers := s.startInto(r, cmd)
	some := make([]byte, 1000)
	if _, err := io.ReadFull(readers, some); err != nil {
		s.Error(err)
	}
	readers.Close()
	s.endsWithin(cmd, drainWithin+cleanupWithin+margin)
}

// endsSlowly: a reader that is too slow gets the end as well, and what it did not get is counted.
func (s *scene) endsSlowly(format string) {
	const programs = 1000
	pod := s.pod("quiet-"+format, nil, shell(s.nodes[0], "sleep 1000000"))
	log := s.TempDir() + "/session.log"
	cmd := s.command("exec", pod.Name, "--every", "-o", format, "--session-log", log)
	readers := s.startInto(pipe, cmd)
	read := make(chan struct{})
	go func() {
		defer close(read)
		slow := time.NewTicker(10 * time.Millisecond)
		defer slow.Stop()
		some := make([]byte, 100)
		for range slow.C {
			if _, err := readers.Read(some); err != nil {
				return
			}
		}
	}()
	s.eventuallyDoing("hello", func() bool {
		said, _ := os.ReadFile(log)
		return strings.Contains(string(said), `"hello"`)
	})
	s.execIn(pod.Name, "/bin/sh", "-c", "i=0; while [ $i -lt "+itoa(programs)+" ]; do /bin/true; i=$((i+1)); done")
	if code := s.within(cmd, 1); code > 1 {
		s.Errorf("exit code %d", code)
	}
	readers.Close()
	<-read
	// The shell's own start and end come on top.
	if shown, filtered, lost := s.counts(log); shown+filtered+lost != 2*programs+2 || shown == 0 || lost == 0 && format == "json" {
		s.Errorf("%d shown + %d filtered + %d lost of %d", shown, filtered, lost, 2*programs+2)
	}
}
