// SPDX-License-Identifier: Apache-2.0

//go:build ignore

// Command generate_syscalls writes syscall_arguments.txt: the arguments of system calls as the kernel describes them in tracefs
// (mount -t tracefs none /sys/kernel/tracing), which takes a kernel with CONFIG_FTRACE_SYSCALLS.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy/syscalls"
)

var argument = regexp.MustCompile(`field:(.*?)\s*(\w+);`)

func main() {
	formats, err := filepath.Glob("/sys/kernel/tracing/events/syscalls/sys_enter_*/format")
	if err != nil || len(formats) == 0 {
		log.Fatal("no descriptions of system calls: ", err)
	}
	var rows []string
	for _, path := range formats {
		text, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.Base(filepath.Dir(path)), "sys_enter_")
		rows = append(rows, fmt.Sprintf("%s(%s)\n", syscalls.Canonical(syscalls.X64, name), strings.Join(arguments(string(text)), ", ")))
	}
	slices.Sort(rows)
	const head = "# SPDX-License-Identifier: Apache-2.0\n" +
		"# The arguments of system calls as C declares them: made by generate_syscalls.go from tracefs.\n"
	if err := os.WriteFile("syscall_arguments.txt", []byte(head+strings.Join(rows, "")), 0o644); err != nil {
		log.Fatal(err)
	}
}

// arguments are the fields after those that all tracepoints and all system calls have.
func arguments(description string) (all []string) {
	_, fields, _ := strings.Cut(description, "__syscall_nr;")
	for _, f := range argument.FindAllStringSubmatch(fields, -1) {
		kind, name := f[1], f[2]
		if strings.HasPrefix(kind, "__data_loc") { // a copy of the text that an argument points at
			continue
		}
		if !strings.HasSuffix(kind, "*") {
			kind += " "
		}
		all = append(all, kind+name)
	}
	return all
}
