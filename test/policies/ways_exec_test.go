// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

const (
	whyContent = "a policy knows a file by its path, and not by what is in it"
	whyNamed   = "who gives it the name is killed, but no tracepoint keeps the name from being made"
	whyScript  = "the tracepoint of exec tells of the interpreter, and of the script only the name that it was called by"
	whyReads   = "the interpreter opens it as it does any other file, and does not say to the kernel what for"
	whySpelled = "the kernel has followed the link when it asks: deny what it leads to"
	whyMoved   = "it is not in the folder any more; programs move what they made there"
)

// run is the end of a way: the program that is denied leaves a trace.
const run = " l creat O/witness"

// link and the like are done by another process than what runs the file by its new name.
const another = "try spawn /proc/self/exe l "

// waysToExec are ways to run what `enforce --deny-exec` denies. In do, W is a folder with the programs that are denied, O another, B a
// folder that is denied, and LOADER the one of programs that are not static.
var waysToExec = []attempt{
	{way: "execve", do: "exec W/file" + run, full: denied, seen: mayHappen},
	{way: "a relative path", do: "chdir W then exec ./file" + run, full: denied, seen: mayHappen},
	{way: "..  and //", do: "exec O/../../kept//.//N/file" + run, full: denied, seen: mayHappen},
	{way: "a symbolic link to it", do: "exec O/symbolic" + run, full: denied, seen: mayHappen},
	{way: "/proc/self/root", do: "exec /proc/self/root/W/file" + run, full: denied, seen: mayHappen},
	{way: "/proc/self/fd", do: "open W/file then dup-to 9 then exec /proc/self/fd/9" + run, full: denied, seen: mayHappen},
	{way: "/proc/self/exe", do: "copy-program W/file O/copied then exec O/copied l rename O/copied W/file and exec /proc/self/exe" + run, full: denied, seen: mayHappen},
	{way: "execveat with a directory", do: "open W d then execveat file" + run, full: denied, seen: mayHappen},
	{way: "execveat with AT_EMPTY_PATH", do: "open W/file then execveat-empty" + run, full: denied, seen: mayHappen},
	{way: "a descriptor, after unlink", do: "open W/file then unlink W/file then execveat-empty" + run, full: denied, seen: mayHappen},
	{way: "chroot", do: "chdir O then chroot W then exec /file l creat witness", full: denied, seen: mayHappen},
	{way: "int 0x80: execve", do: "exec-32 W/file" + run, full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "a script with it as its interpreter (#!)", do: "exec O/interpreted creat O/witness", full: denied, seen: mayHappen},
	{way: "`ld-linux-x86-64.so.2 PROGRAM`", do: "exec LOADER W/dynamic O/witness", full: denied, seen: mayHappen},
	{way: "a loader that maps it (PROT_EXEC)", do: "open W/file then mmap rx then mapped-exec W/file then creat O/witness", full: denied, seen: mayHappen},
	{way: "a loader under personality READ_IMPLIES_EXEC", do: "personality 0x400000 then open W/file then mmap r then mapped-exec W/file then creat O/witness", full: denied, seen: mayHappen},
	{way: "a mapping that mprotect makes executable", do: "open W/file then protect-exec then mapped-exec W/file then creat O/witness", full: denied, seen: open, seenWhy: "the call names addresses, and no tracepoint what is mapped there"},
	{way: "int 0x80: mmap2", do: "open W/file then mmap2-exec then mapped-exec W/file then creat O/witness", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "int 0x80: old mmap", do: "open W/file then old-mmap-exec then mapped-exec W/file then creat O/witness", full: denied, seen: mayHappen, needs: "the ABI for 32 bits"},
	{way: "a hard link that is made to it", do: another + "link W/file O/made then exec O/made" + run, full: denied, seen: open, seenWhy: whyNamed},
	{way: "another name (rename)", do: another + "rename W/file O/made then exec O/made" + run, full: denied, seen: open, seenWhy: whyNamed},
	{way: "another name for its folder", do: another + "rename W O/made then exec O/made/file" + run, full: denied, seen: open, seenWhy: whyNamed},
	{way: "another name (RENAME_EXCHANGE)", do: "creat O/made then " + another + "exchange O/made W/file then exec O/made" + run, full: denied, seen: open, seenWhy: whyNamed},
	{way: "a hard link from before", do: "exec O/hard" + run, full: open, fullWhy: whyLink, seen: open, seenWhy: whyLink},
	{way: "a copy", do: "copy-program W/file O/copied then exec O/copied" + run, full: open, fullWhy: whyContent, seen: open, seenWhy: whyContent},
	{way: "a copy in memory (memfd)", do: "exec-memory W/file" + run, full: open, fullWhy: whyContent, seen: open, seenWhy: whyContent},
	{way: "a bind mount of it elsewhere", do: ownMounts + "bind W O/bound then exec O/bound/file" + run, full: open, fullWhy: whyBound, seen: open, seenWhy: whyBound},
	{way: "a denied script", do: "exec W/script", full: denied, seen: mayHappen},
	{way: "a denied script, by a relative path", do: "chdir W then exec ./script", full: denied, seen: mayHappen},
	{way: "a denied script, by a symbolic link", do: "exec O/symbolic-script", full: denied, seen: open, seenWhy: whyScript},
	{way: "a denied script, by a descriptor", do: "open W d then execveat script", full: denied, seen: open, seenWhy: whyScript, needs: "/dev/fd"},
	{way: "`sh SCRIPT`", do: "exec /bin/sh W/script", full: open, fullWhy: whyReads, seen: open, seenWhy: whyReads},
	{way: "a denied symbolic link", do: "exec W/link" + run, full: denied, seen: mayHappen},
	{way: "a denied symbolic link, spelled otherwise", do: "exec O/../../kept/N/link" + run, full: open, fullWhy: whySpelled, seen: open, seenWhy: whySpelled},
	{way: "a program of a denied folder", do: "exec B/program" + run, full: denied, seen: mayHappen},
	{way: "one that is linked out of a denied folder", do: another + "link B/program O/made then exec O/made" + run, full: denied, seen: open, seenWhy: whyNamed},
	{way: "one that is moved out of a denied folder", do: "rename B/program O/made then exec O/made" + run, full: open, fullWhy: whyMoved, seen: open, seenWhy: whyMoved},
}

// loader is what programs that are not static are started by.
func loader(t *testing.T, program string) string {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			name := make([]byte, segment.Filesz)
			if _, err := segment.ReadAt(name, 0); err != nil {
				t.Fatal(err)
			}
			return strings.TrimRight(string(name), "\x00")
		}
	}
	t.Fatalf("%s is static: a test needs one that is not", program)
	return ""
}

// execPlaces prepares way n; program and dynamic are files that are denied under the names that they get.
func execPlaces(t *testing.T, base string, n int, program, dynamic string) (in map[string]string, deny []string) {
	t.Helper()
	in = places(base, n)
	in["B"], in["LOADER"] = filepath.Join(base, "folder", in["N"]), loader(t, dynamic)
	kept, other := in["W"], in["O"]
	for _, folder := range []string{kept, other, in["B"], filepath.Join(other, "bound")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, of := range map[string]string{kept + "/file": program, kept + "/dynamic": dynamic, in["B"] + "/program": program, other + "/hard": program, other + "/target": program} {
		if err := os.Link(of, name); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{other + "/symbolic": kept + "/file", other + "/symbolic-script": kept + "/script", kept + "/link": other + "/target"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	writeProgram(t, kept+"/script", "#!/bin/sh\n: >"+other+"/witness\n")
	writeProgram(t, other+"/interpreted", "#!"+kept+"/file\n")
	return in, []string{kept + "/file", kept + "/dynamic", kept + "/script", kept + "/link", in["B"] + "/"}
}

func writeProgram(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// executed goes all ways, under the policy of --deny-exec that is armed or not, and says of each whether the program ran.
func executed(t *testing.T, in string, armed bool, d compose.Denial) (did []outcome) {
	t.Helper()
	base := newFolder(t, in)
	touch, err := exec.LookPath("touch")
	if err != nil {
		t.Fatal(err)
	}
	program, dynamic := filepath.Join(base, "program"), filepath.Join(base, "dynamic") // in base, so that links to them can be made there
	copyFile(t, touch, dynamic)
	o := harness.Options{Enforce: armed, Allowed: map[string][]int{}}
	var steps []harness.Step
	var all []string
	for n := range waysToExec {
		in, deny := execPlaces(t, base, n, program, dynamic)
		all = append(all, deny...)
		label := strconv.Itoa(n)
		o.Allowed[label] = anyStatus
		steps = append(steps, harness.Step{Label: label, Do: waysToExec[n].fill(in)})
	}
	text, err := compose.YAML(compose.DenyExec(all, d))
	if err != nil {
		t.Fatal(err)
	}
	result := harness.Run(t, string(text), o, steps...)
	for n := range waysToExec {
		_, err := os.Stat(filepath.Join(places(base, n)["O"], "witness"))
		switch {
		case err == nil: // killed or not
			did = append(did, open)
		case slices.Contains(result.Status[strconv.Itoa(n)], killed):
			did = append(did, mayHappen)
		default:
			did = append(did, denied)
		}
	}
	return did
}

// TestWaysToExec: what docs/enforce.md says of every way to run what --deny-exec denies is so, on a tmpfs and on an overlay. That a way
// is one is seen in a run that denies nothing.
func TestWaysToExec(t *testing.T) {
	full := harness.FullTier(t)
	for name, folder := range map[string]func(*testing.T) string{"tmpfs": func(*testing.T) string { return "" }, "overlay": onOverlay} {
		if testing.Short() && name == "tmpfs" {
			continue // an emulated processor takes a minute for it
		}
		t.Run(name, func(t *testing.T) {
			in := folder(t)
			compareWays(t, waysToExec, full, executed(t, in, false, compose.Denial{Kill: !full}), executed(t, in, true, compose.Denial{Kill: !full}))
		})
	}
}
