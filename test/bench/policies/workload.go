// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// workload is the process that is measured, see testdata/workload.c.
type workload struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
	// outside and inside of what the policies ask for; both hold a file and the program.
	outside, inside string
}

// Names in the two folders.
const (
	fileName    = "file"
	programName = "workload"
)

// startWorkload copies the program into the folders outside and inside of a folder, each with a file, and starts it.
func startWorkload(program, folder string) (*workload, error) {
	w := &workload{outside: filepath.Join(folder, "outside"), inside: filepath.Join(folder, "inside")}
	code, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{w.outside, w.inside} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(folder, programName), code, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(folder, fileName), []byte("content"), 0o644); err != nil {
			return nil, err
		}
	}
	return w, w.start()
}

func (w *workload) start() (err error) {
	w.command = exec.Command(filepath.Join(w.outside, programName))
	w.command.Stderr = os.Stderr
	if w.input, err = w.command.StdinPipe(); err != nil {
		return err
	}
	output, err := w.command.StdoutPipe()
	if err != nil {
		return err
	}
	w.output = bufio.NewReader(output)
	return w.command.Start()
}

func (w *workload) pid() uint32 { return uint32(w.command.Process.Pid) }

func (w *workload) close() error {
	if err := w.input.Close(); err != nil {
		return err
	}
	return w.command.Wait()
}

// ask gives a command and returns the answer.
func (w *workload) ask(name, path string, count, more int) (int64, error) {
	if _, err := fmt.Fprintf(w.input, "%s %s %d %d\n", name, path, count, more); err != nil {
		return 0, err
	}
	line, err := w.output.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("workload %s: %w", name, err)
	}
	return strconv.ParseInt(strings.TrimSpace(line), 10, 64)
}

// path of a loop's file in one of the two folders.
func (l loop) path(folder string) string {
	if l.executes {
		return filepath.Join(folder, programName)
	}
	return filepath.Join(folder, fileName)
}

// toldTurns of a slice are some 1 MiB of records at the most: a quarter of the ring.
const toldTurns = 2000

// slices of one measurement, of which the fastest counts: what others do on the machine only ever makes it slower.
const slices = 10

// measure returns the nanoseconds of one turn of a loop in a folder. What is told is told in short slices with pauses, in which
// the ring is emptied: a record that finds no room costs less than one that is told, and would pass for the fastest.
func (w *workload) measure(l loop, folder string) (best float64, err error) {
	told := folder == w.inside
	if told && !l.executes {
		l.turns = toldTurns
	}
	for range slices {
		if told {
			time.Sleep(settle)
		}
		took, err := w.ask(l.name, l.path(folder), l.turns, 0)
		if err != nil {
			return 0, err
		}
		if each := float64(took) / float64(l.turns); best == 0 || each < best {
			best = each
		}
	}
	return best, nil
}

// loop is one of the workload's.
type loop struct {
	name     string
	executes bool
	// turns of one slice: a few milliseconds of work.
	turns int
}

// loops of the workload by name.
var loops = []loop{
	{"pread", false, 10000},
	{"pread+pwrite", false, 5000},
	{"open+close", false, 3000},
	{"exec", true, 10},
	{"fork+exec+exit", true, 10},
}

func loopNamed(name string) loop {
	for _, l := range loops {
		if l.name == name {
			return l
		}
	}
	panic("no loop " + name) // names stand in this program
}
