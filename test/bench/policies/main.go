// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command policies measures what hooks of policies cost, on the kernel that it runs on, as root. Its parts:
//
//	backends  a loop of system calls with an empty program, with a hook for others, filtered out, and posted, for each way
//	          in which the kernel can run a program
//	session   the same loops beside the whole tracer with a policy about files
//	file      the same beside what the command file asks for
//	rate      events per second from the kernel to frames without losing one
//	load      how long it takes to load and attach what commands ask for, what that costs, and the tracer's memory
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/pprof"

	"golang.org/x/sys/unix"
)

// parts by name.
var parts = map[string]func(*workload, options) error{
	"backends": backends,
	"session":  session,
	"file":     fileCommand,
	"rate":     rate,
	"load":     load,
}

func main() {
	part := flag.String("part", "backends", "what to measure: backends, session, file, rate, load")
	program := flag.String("workload", "", "path of the program that testdata/Makefile builds")
	rounds := flag.Int("rounds", 15, "how often each measurement is taken")
	only := flag.String("only", "", "of the part backends, those that this regular expression matches: \"fentry pread.* cgroups\"")
	config := flag.String("config", "", "be a tracer with this configuration: for the part load")
	profile := flag.String("profile", "", "write a CPU profile of this process into this file")
	flag.Parse()
	end, err := profiled(*profile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "policies:", err)
		os.Exit(1)
	}
	if *config != "" {
		err = trace(*config)
	} else {
		err = run(*part, *program, *rounds, *only)
	}
	end()
	if err != nil {
		fmt.Fprintln(os.Stderr, "policies:", err)
		os.Exit(1)
	}
}

// profiled begins a profile, if there is a file for it.
func profiled(path string) (end func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); file.Close() }, nil
}

// options of what is measured.
type options struct {
	rounds int
	only   *regexp.Regexp
}

func run(part, program string, rounds int, only string) (err error) {
	measure := parts[part]
	if measure == nil {
		return fmt.Errorf("there is no part %s", part)
	}
	o := options{rounds: rounds}
	if o.only, err = regexp.Compile(only); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	w, err := startWorkload(program, folder)
	if err != nil {
		return err
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	fmt.Printf("\nLinux %s: ", unix.ByteSliceToString(name.Release[:]))
	return errors.Join(measure(w, o), w.close())
}
