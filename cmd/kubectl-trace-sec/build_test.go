// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// allPlatforms is the environment variable that asks for every platform that the plugin is released for. Each is compiled anew from
// the standard library on, three minutes of a processor.
const allPlatforms = "TRACE_SEC_ALL_PLATFORMS"

// pluginPlatforms are all, or every system and every architecture, or with -short this machine's.
func pluginPlatforms() string {
	switch {
	case os.Getenv(allPlatforms) != "":
		return "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64"
	case testing.Short():
		return runtime.GOOS + "/" + runtime.GOARCH
	default:
		return "linux/amd64 darwin/arm64 windows/amd64"
	}
}

// TestBuildsEverywhere: the plugin for the platforms that it is released for, the tracer for every kind of node.
func TestBuildsEverywhere(t *testing.T) {
	for _, test := range []struct{ program, platforms string }{
		{"kubectl-trace-sec", pluginPlatforms()},
		{"trace-sec-tracer", "linux/amd64 linux/arm64"},
	} {
		for platform := range strings.FieldsSeq(test.platforms) {
			t.Run(test.program+" "+platform, func(t *testing.T) {
				system, architecture, _ := strings.Cut(platform, "/")
				out := filepath.Join(t.TempDir(), test.program)
				build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "../"+test.program)
				build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture)
				if output, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, output)
				}
				if system == "linux" {
					checkStatic(t, out)
				}
			})
		}
	}
}

// checkStatic: a program that asks for an interpreter would not start in an image that holds nothing else.
func checkStatic(t *testing.T, program string) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			t.Error("it is not static")
		}
	}
	if file.Section(".symtab") != nil {
		t.Error("it is not stripped")
	}
}

// TestPluginHasNoBPF: the plugin runs on the user's machine; what goes into the kernel is the tracer's. On Linux it reaches
// the tracer for local mode, elsewhere not at all.
func TestPluginHasNoBPF(t *testing.T) {
	for _, system := range []string{"darwin", "windows"} {
		list := exec.Command("go", "list", "-deps", ".")
		list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system)
		output, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, forbidden := range []string{"github.com/cilium/ebpf", "trace-sec/bpf", "pkg/tracer"} {
			if strings.Contains(string(output), forbidden) {
				t.Errorf("on %s the plugin imports %s", system, forbidden)
			}
		}
	}
	list := exec.Command("go", "list", "-deps", "../trace-sec-tracer")
	list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	// What policies say is checked by the rules of Kubernetes' API, which are in apimachinery.
	for _, forbidden := range []string{"k8s.io/client-go", "k8s.io/cli-runtime", "k8s.io/api/"} {
		if strings.Contains(string(output), forbidden) {
			t.Errorf("the tracer imports %s", forbidden)
		}
	}
}
