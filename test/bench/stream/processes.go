// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is USER_HZ, the unit of /proc/PID/stat.
const ticksPerSecond = 100

// spent is the processor time in seconds of the processes on the way, by what they are.
func spent(plugin int) map[string]float64 {
	times := map[string]float64{"plugin": processTime(plugin)}
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range processes {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		words := strings.Split(string(text), "\x00")
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		for _, what := range []string{"containerd", "kubelet", "apiserver"} {
			if isProgram(words, what) {
				times[what] += processTime(pid)
			}
		}
	}
	return times
}

// isProgram says whether a command line is that of a program, by itself or as a command of a multi-call binary.
func isProgram(words []string, what string) bool {
	for i, word := range words {
		if i > 1 {
			break
		}
		if name := filepath.Base(word); name == what || name == "kube-"+what {
			return true
		}
	}
	return false
}

func processTime(pid int) float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticksPerSecond
}

func status(pid int, key string) uint64 {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			kib, _ := strconv.ParseUint(strings.Fields(value)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// resident is a process's memory now, peak the most that it ever was, in bytes.
func resident(pid int) uint64 { return status(pid, "VmRSS") }
func peak(pid int) uint64     { return status(pid, "VmHWM") }

// awaitHello waits until the session log has the tracer's hello.
func awaitHello(ctx context.Context, log string) error {
	for range 600 {
		if text, err := os.ReadFile(log); err == nil && strings.Contains(string(text), `"type":"hello"`) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("no tracer said hello within a minute")
}

// settle waits until the output does not grow any more.
func settle(ctx context.Context, output string) {
	for last := int64(-1); ctx.Err() == nil; {
		info, err := os.Stat(output)
		if err != nil || info.Size() == last {
			return
		}
		last = info.Size()
		time.Sleep(2 * time.Second)
	}
}
