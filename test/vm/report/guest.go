// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// guest is one kernel's run.
type guest struct {
	kernel  string
	release string        // as uname -r says, empty when the guest did not come up
	boot    time.Duration // of the guest's own clock, to its first program
	took    time.Duration // from QEMU's start to its end
	code    string        // what the guest's script ended with, empty when it did not
	problem string        // why it did not
	console []string
	notices []string // what the kernel complained of while the tests ran
	stderr  string
	order   []test
	results map[test]*result
}

// test names a test, or with an empty name a package.
type test struct{ pkg, name string }

// result is how a test ended.
type result struct {
	status  status
	seconds float64
	output  strings.Builder
}

type status string

const (
	passed     status = "ok"
	failed     status = "FAIL"
	skipped    status = "skip"
	unfinished status = "NO END" // it began
)

// statuses are the words of test2json that end a test.
var statuses = map[string]status{"pass": passed, "fail": failed, "skip": skipped}

// record is a line of test2json.
type record struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

var (
	up     = regexp.MustCompile(`^guest: up after ([0-9.]+) s, (\S+),`)
	notice = regexp.MustCompile(`WARNING: |BUG: |Oops: |Kernel panic|Call Trace|rcu: INFO|Out of memory|segfault|general protection`)
	// defect is a notice that no test provokes: the kernel, or what we loaded into it, is not in order.
	defect = regexp.MustCompile(`WARNING: |BUG: |Oops: |Kernel panic|general protection`)
)

// readGuest reads a folder that tests.sh left. That files are missing is part of what is reported, but not that all are.
func readGuest(kernel, folder string) (*guest, error) {
	g := &guest{kernel: kernel, results: map[test]*result{}}
	contents := map[string][]byte{}
	for _, name := range []string{"stdout", "stderr", "console", "code", "problem", "seconds"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err == nil {
			contents[name] = content
		} else if !os.IsNotExist(err) {
			return nil, err
		}
	}
	if len(contents) == 0 {
		return nil, fmt.Errorf("%s: there is nothing of kernel %s", folder, kernel)
	}
	g.code = strings.TrimSpace(string(contents["code"]))
	g.problem = strings.TrimSpace(string(contents["problem"]))
	g.stderr = string(contents["stderr"])
	if n, err := strconv.Atoi(strings.TrimSpace(string(contents["seconds"]))); err == nil {
		g.took = time.Duration(n) * time.Second
	}
	g.readConsole(string(contents["console"]))
	return g, g.readOutput(contents["stdout"])
}

func (g *guest) readConsole(console string) {
	for line := range strings.Lines(strings.ReplaceAll(console, "\r", "")) {
		line = strings.TrimRight(line, "\n")
		g.console = append(g.console, line)
		if match := up.FindStringSubmatch(line); match != nil {
			seconds, _ := strconv.ParseFloat(match[1], 64)
			g.boot, g.release = time.Duration(seconds*float64(time.Second)), match[2]
		} else if g.release != "" && notice.MatchString(line) {
			g.notices = append(g.notices, line)
		}
	}
}

func (g *guest) readOutput(lines []byte) error {
	scanner := bufio.NewScanner(bytes.NewReader(lines))
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var r record
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			// A guest that crashes does so in the middle of a line, and a package's test may fail before test2json sees it.
			g.stderr += scanner.Text() + "\n"
			continue
		}
		g.add(r)
	}
	return scanner.Err()
}

func (g *guest) add(r record) {
	key := test{r.Package, r.Test}
	result := g.result(key)
	switch r.Action {
	case "output":
		result.output.WriteString(r.Output)
	default:
		if status, ends := statuses[r.Action]; ends {
			result.status, result.seconds = status, r.Elapsed
		}
	}
}

func (g *guest) result(key test) *result {
	if g.results[key] == nil {
		g.results[key] = &result{status: unfinished}
		g.order = append(g.order, key)
	}
	return g.results[key]
}

// count is how many tests, subtests not included, have one of these statuses; without any, how many there are.
func (g *guest) count(statuses ...status) (n int) {
	for key, result := range g.results {
		if key.name == "" || strings.Contains(key.name, "/") {
			continue
		}
		if len(statuses) == 0 {
			n++
		}
		for _, status := range statuses {
			if result.status == status {
				n++
			}
		}
	}
	return n
}

// defective: the kernel complained of itself while the tests ran.
func (g *guest) defective() bool { return slices.ContainsFunc(g.notices, defect.MatchString) }

// well: the guest came to its end, there were tests, all of them and their packages passed or were skipped, and its kernel is in order.
func (g *guest) well() bool {
	for _, result := range g.results {
		if result.status == failed || result.status == unfinished {
			return false
		}
	}
	return g.code == "0" && g.count(passed) > 0 && !g.defective()
}
