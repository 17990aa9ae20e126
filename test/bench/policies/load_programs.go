// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/cilium/ebpf"
)

var programID = regexp.MustCompile(`(?m)^prog_id:\s*(\d+)$`)

// programsOf counts the programs that a process holds, and the instructions that the kernel's verifier looked at to let them in: 0 if it
// does not tell (Linux 5.15 and older).
func programsOf(pid int) (count int, verified uint64, err error) {
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		return 0, 0, err
	}
	seen := map[string]bool{}
	for _, descriptor := range descriptors {
		text, err := os.ReadFile(descriptor)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		found := programID.FindSubmatch(text)
		if found == nil || seen[string(found[1])] {
			continue
		}
		seen[string(found[1])] = true
		n, err := verifiedOf(string(found[1]))
		if err != nil {
			return 0, 0, err
		}
		count, verified = count+1, verified+uint64(n)
	}
	return count, verified, nil
}

// verifiedOf asks the kernel about one program.
func verifiedOf(number string) (uint32, error) {
	id, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0, err
	}
	p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	if err != nil {
		return 0, fmt.Errorf("program %d: %w", id, err)
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return 0, fmt.Errorf("program %d: %w", id, err)
	}
	n, _ := info.VerifiedInstructions()
	return n, nil
}
