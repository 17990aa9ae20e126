// SPDX-License-Identifier: Apache-2.0

//go:build linux

package policies

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/policies/harness"
)

// Flags of unshare(2), include/uapi/linux/sched.h.
const (
	newMount = "0x20000"
	newUTS   = "0x4000000"
	newUser  = "0x10000000"
	newPID   = "0x20000000"
	newNet   = "0x40000000"
)

// asked is a row about who calls: getsid(2), whose argument tells the calls apart. They are told by their numbers.
func asked(name, selector, do string, want ...int) row {
	r := row{name: name, spec: kprobe("sys_getsid", "{index: 0, type: int}", selector), do: []string{do}}
	for _, n := range want {
		r.want = append(r.want, fmt.Sprintf("int %d", n))
	}
	return r
}

const ask = "call getsid "

var selectors = []row{
	asked("pids-of-descendants", "matchPIDs: [{operator: In, values: [$P], followForks: true}]", ask+"1", 1),
	asked("pids-of-nobody", "matchPIDs: [{operator: In, values: [$P]}]", ask+"1"),
	asked("other-pids", "matchPIDs: [{operator: NotIn, values: [$P, 1, 2, 3, 4, 5]}]", ask+"1", 1),
	asked("not-descendants", "matchPIDs: [{operator: NotIn, values: [$P], followForks: true}]", ask+"1"),
	asked("namespace-pids", "matchPIDs: [{operator: In, values: [9, 8, 7, 6, 5, 1], isNamespacePID: true}]",
		ask+"1 then unshare "+newPID+" then fork then "+ask+"2", 2),
	asked("two-filters-of-pids",
		"matchPIDs: [{operator: In, values: [1], isNamespacePID: true}, {operator: NotIn, values: [$P]}]",
		ask+"1 then unshare "+newPID+" then fork then "+ask+"2", 2),

	{name: "data",
		spec: kprobe("sys_getsid", "{index: 0, type: int}",
			"matchData: [{index: 0, operator: Equal, values: [somebody, else]}]") +
			"\n  data: [{source: current_task, type: string, resolve: comm}]",
		do:   []string{ask + "1 then name somebody then " + ask + "2 then name some then " + ask + "3"},
		want: []string{"int 2, data string somebody"}},
	{name: "returned",
		spec: kprobe("sys_umask", "{index: 0, type: int}", "matchReturnArgs: [{index: 0, operator: Equal, values: ['5', '7']}]") +
			"\n  return: true\n  returnArg: {index: 0, type: int}",
		do: []string{"call umask 5 then call umask 63 then call umask 1"}, want: []string{"int 63, = int 5"}},
	{name: "returned-and-given", spec: kprobe("sys_read", "{index: 0, type: fd}, {index: 2, type: size_t}",
		"matchArgs: ["+filter(0, "Postfix", "/text")+", "+filter(2, "GT",
			"9")+"]\n    matchReturnArgs: [{index: 0, operator: GT, values: ['0']}]") +
		"\n  return: true\n  returnArg: {index: 0, type: long}",
		do:   []string{"open $D/text then read 5 then read 100 then read 100 then open $D/program then read 100"},
		want: []string{"file $D/text -rw-r--r--, size 100, = long 4"}},

	{name: "returned-by-a-check", spec: kprobe("cap_capable", "{index: 2, type: capability}",
		"matchArgs: ["+filter(2, "Equal", "CAP_SYS_CHROOT")+"]\n    matchReturnArgs: [{index: 0, operator: NotEqual, values: ['0']}]") +
		"\n  return: true\n  returnArg: {index: 0, type: int}",
		do:   []string{"chroot / then capset 0 0 0 then try chroot /"},
		want: []string{`{"capability_arg":{"value":18,"name":"CAP_SYS_CHROOT"}}, = int -1`}},
	// the kernel asks for CAP_SYS_ADMIN without this option at each mmap
	{name: "audited-checks", spec: kprobe("cap_capable", "{index: 2, type: capability}, {index: 3, type: uint32}",
		"matchArgs: ["+filter(2, "Equal", "CAP_SYS_ADMIN")+", "+filter(3, "Equal", "0", "4")+"]"),
		do:   []string{"unshare " + newUTS},
		want: []string{`{"capability_arg":{"value":21,"name":"CAP_SYS_ADMIN"}}, uint 0`}},

	// What tracepoints stand in for is reading and writing; that it is denied they do not see.
	{name: "another-mask", spec: kprobe("security_file_permission", fileAndMask,
		"matchArgs: ["+filter(0, "Equal", "$D/text")+", "+filter(1, "Mask", "1")+"]"),
		refused: "argument 1 is shown as 4, or argument 1 is shown as 2", do: []string{"open $D/text then read 5"}, want: none()},
	{name: "another-verdict", spec: kprobe("security_file_permission", fileAndMask,
		"matchArgs: ["+filter(0, "Equal", "$D/text")+"]\n    matchReturnArgs: [{index: 0, operator: LT, values: ['0']}]") +
		"\n  return: true\n  returnArg: {index: 0, type: int}",
		refused: "the return value is shown as 0", do: []string{"open $D/text then read 5"}, want: none()},

	asked("namespaces-of-the-host", "matchNamespaces: [{namespace: Uts, operator: In, values: [host_ns]}]",
		ask+"1 then unshare "+newUTS+" then "+ask+"2", 1),
	asked("other-namespaces", "matchNamespaces: [{namespace: Mnt, operator: NotIn, values: [host_ns]}]",
		ask+"1 then unshare "+newUTS+" then "+ask+"2 then unshare "+newMount+" then "+ask+"3", 3),
	asked("namespace-by-number",
		"matchNamespaces: [{namespace: User, operator: In, values: ['1', '2', '3', '4', '4026531837']}]",
		ask+"1 then unshare "+newUser+" then "+ask+"2", 1),
	asked("every-namespace", "matchNamespaces:"+everyNamespace("host_ns"), ask+"1 then unshare "+newNet+" then "+ask+"2", 1),
	// Several policies ask for changes here: they are those since the exec. NotIn is a change of another namespace, of other capabilities
	// alone, as in Tetragon.
	asked("namespace-changes", "matchNamespaceChanges: [{operator: In, values: [Mnt, Net]}]",
		ask+"1 then unshare "+newUTS+" then "+ask+"2 then unshare "+newNet+" then "+ask+"3 then exec $D/program $L "+ask+"4 and unshare "+newMount+" and "+ask+"5", 3, 5),
	asked("other-namespace-changes", "matchNamespaceChanges: [{operator: NotIn, values: [Uts]}]",
		ask+"1 then unshare "+newUTS+" then "+ask+"2 then unshare "+newNet+" then "+ask+"3", 3),

	asked("capabilities", "matchCapabilities: [{type: Effective, operator: In, values: [CAP_CHOWN, CAP_SYS_ADMIN]}]",
		ask+"1 then capset 0x200000 0x2003ff 0 then "+ask+"2 then capset 0x2 0x2003ff 0 then "+ask+"3", 1, 2),
	asked("no-capabilities", "matchCapabilities: [{type: Permitted, operator: NotIn, values: [CAP_SYS_ADMIN]}]",
		ask+"1 then capset 0x1 0x200003 0 then "+ask+"2 then capset 0x1 0x3 0 then "+ask+"3", 3),
	asked("two-filters-of-capabilities",
		"matchCapabilities: [{type: Inheritable, operator: In, values: [CAP_KILL]}, {type: Effective, operator: NotIn, values: [CAP_CHOWN]}]",
		ask+"1 then capset 0x1 0x21 0x20 then "+ask+"2 then capset 0x20 0x21 0x20 then "+ask+"3", 3),
	asked("namespace-capabilities",
		"matchCapabilities: [{type: Effective, operator: In, values: [CAP_SYS_ADMIN], isNamespaceCapability: true}]",
		ask+"1 then unshare "+newUser+" then "+ask+"2", 2),
	asked("capability-changes", "matchCapabilityChanges: [{type: Effective, operator: In, values: [CAP_CHOWN]}]",
		ask+"1 then capset 0x3 0x3ff 0 then "+ask+"2 then capset 0x2 0x3ff 0 then "+ask+"3 then exec $D/program $L "+ask+"4", 3),
	asked("other-capability-changes", "matchCapabilityChanges: [{type: Effective, operator: NotIn, values: [CAP_CHOWN]}]",
		ask+"1 then capset 0x3 0x3ff 0 then "+ask+"2 then capset 0x2 0x3ff 0 then "+ask+"3", 2),

	{name: "binary-that-executes", spec: kprobe("security_bprm_check", "{index: 0, type: linux_binprm}",
		"matchBinaries: [{operator: In, values: [$D/program]}]"),
		do: []string{inProgram + "exec $D/other $L nothing", "exec $D/other $L exec $D/other $L nothing"}, want: []string{"binprm $D/other *"}},
	asked("binaries", "matchBinaries: [{operator: In, values: [/nothing, $D/program]}]",
		ask+"1 then exec $D/program $L "+ask+"2", 2),
	asked("many-binaries", "matchBinaries: [{operator: In, values: ["+quoted(values("/bin/number-%d"))+", $D/program]}]",
		ask+"1 then exec $D/program $L "+ask+"2", 2),
	asked("other-binaries", "matchBinaries: [{operator: NotIn, values: [$D/program]}]",
		ask+"1 then exec $D/program $L "+ask+"2", 1),
	asked("prefix-of-binaries", "matchBinaries: [{operator: Prefix, values: [$D/pro, /nothing]}]",
		ask+"1 then exec $D/program $L "+ask+"2 and exec $D/other $L "+ask+"3", 2),
	asked("not-prefix-of-binaries", "matchBinaries: [{operator: NotPrefix, values: [$D/pro]}]",
		ask+"1 then exec $D/program $L "+ask+"2 and exec $D/other $L "+ask+"3", 1, 3),
	// Only the file that runs counts, by its own path, and not what the call names it: but for the ends of paths, by which more is told.
	asked("not-prefix-of-binaries-named-otherwise", "matchBinaries: [{operator: NotPrefix, values: [/usr/bin/]}]",
		ask+"1 then exec /usr/bin/../..$D/other $L "+ask+"2", 1, 2),
	asked("binaries-named-otherwise", "matchBinaries: [{operator: In, values: [/usr/bin/../..$D/other]}]",
		"exec /usr/bin/../..$D/other $L "+ask+"2"),
	asked("postfix-of-binaries", "matchBinaries: [{operator: Postfix, values: [/program, .sh]}]",
		ask+"1 then exec $D/program $L "+ask+"2 and exec $D/other $L "+ask+"3", 2),
	asked("not-postfix-of-binaries", "matchBinaries: [{operator: NotPostfix, values: [/program]}]",
		ask+"1 then exec $D/program $L "+ask+"2", 1),
	asked("binaries-and-children", "matchBinaries: [{operator: In, values: [$D/program], followChildren: true}]",
		ask+"1 then exec $D/program $L "+ask+"2 and fork and "+ask+"3 and exec $D/other $L "+ask+"4 and-and spawn $D/other $L "+ask+"5", 2, 3, 4, 5),
	asked("binaries-without-children", "matchBinaries: [{operator: In, values: [$D/program]}]",
		"exec $D/program $L "+ask+"2 and fork and "+ask+"3 and exec $D/other $L "+ask+"4", 2, 3),
	asked("two-filters-of-binaries", "matchBinaries: [{operator: Prefix, values: [$D/]}, {operator: NotIn, values: [$D/other]}]",
		ask+"1 then exec $D/program $L "+ask+"2 and exec $D/other $L "+ask+"3", 2),
	asked("parent-binaries", "matchParentBinaries: [{operator: In, values: [$D/program]}]",
		ask+"1 then exec $D/program $L "+ask+"2 and spawn $D/other $L "+ask+"3 and exec $D/other $L spawn $D/program $L "+ask+"4", 3),
	asked("parent-binaries-prefix", "matchParentBinaries: [{operator: NotPrefix, values: [$D/]}]",
		ask+"1 then exec $D/program $L "+ask+"2 and spawn $D/other $L "+ask+"3", 1, 2),

	{name: "macros", spec: "selectorsMacros:\n  renamed: {matchData: [{index: 0, operator: Equal, values: [renamed]}]}\n" +
		kprobe("sys_getsid", "{index: 0, type: int}", "macros: [renamed]\n    "+matchArgs(0, "GT", "1")) +
		"\n  data: [{source: current_task, type: string, resolve: comm}]",
		do:   []string{ask + "2 then name renamed then " + ask + "1 then " + ask + "3"},
		want: []string{"int 3, data string renamed"}},
	// What is returned decides which of the selectors it is that match at the entry.
	{name: "later-selector-at-the-return", spec: kprobe("sys_umask", "{index: 0, type: int}",
		"label: five\n    matchReturnArgs: [{index: 0, operator: Equal, values: ['5']}]",
		"label: never\n    "+matchArgs(0, "Equal", "1"),
		"label: seven\n    matchReturnArgs: [{index: 0, operator: Equal, values: ['7']}]") + "\n  return: true\n  returnArg: {index: 0, type: int}",
		shown: withSelector, do: []string{"call umask 5 then call umask 7 then call umask 9 then call umask 11"},
		want: []string{"int 7, = int 5 [five]", "int 9, = int 7 [seven]"}},
	{name: "sixteen-selectors", spec: kprobe("sys_getsid", "{index: 0, type: int}", sixteen()...), shown: withSelector,
		do:   []string{ask + "0 then " + ask + "7 then " + ask + "15 then " + ask + "16"},
		want: []string{"int 0 [selector-0]", "int 7 [selector-7]", "int 15 [selector-15]"}},
	{name: "sixteen-selectors-of-text", spec: kprobe("sys_access", "{index: 0, type: string}", sixteenTexts()...),
		shown: withSelector,
		do:    []string{strings.Join(accessed("/folder-0/x", "/folder-15/y", "/folder-16/z", "/folder-"), " then ")},
		want:  []string{"string /folder-0/x [selector-0]", "string /folder-15/y [selector-15]"}},
	{name: "first-selector-decides",
		spec: kprobe("sys_getsid", "{index: 0, type: int}", "label: first\n    "+matchArgs(0, "LT", "5"),
			"label: second\n    "+matchArgs(0, "LT", "9")), shown: withSelector,
		do: []string{ask + "3 then " + ask + "6 then " + ask + "9"}, want: []string{"int 3 [first]", "int 6 [second]"}},
	// here is no cluster, and so nothing that workloads could be told apart by
	asked("workloads", "matchWorkloads: {podSelector: {matchLabels: {app: web}}, hostSelector: {}}", ask+"1", 1),
}

func sixteen() (all []string) {
	for i := range 16 {
		all = append(all, fmt.Sprintf("label: selector-%d\n    %s", i, matchArgs(0, "Equal", fmt.Sprint(i))))
	}
	return all
}

func sixteenTexts() (all []string) {
	for i := range 16 {
		all = append(all, fmt.Sprintf("label: selector-%d\n    matchArgs: [%s, %s]", i, filter(0, "Prefix",
			fmt.Sprintf("/folder-%d/", i)), filter(0, "NotPostfix", ".log", ".tmp")))
	}
	return all
}

func everyNamespace(value string) (list string) {
	for name := range strings.FieldsSeq("Uts Ipc Mnt Pid PidForChildren Net Time TimeForChildren Cgroup User") {
		list += fmt.Sprintf("\n    - {namespace: %s, operator: In, values: [%s]}", name, value)
	}
	return list
}

func TestSelectors(t *testing.T) {
	runRows(t, harness.Options{}, selectors, func(folder string) {
		write(t, folder+"/text", "some text")
		copyFile(t, folder+"/program", folder+"/other")
	})
}

// changesAlone are rows of which each is a session's only policy that asks for changes: these begin anew with each that is told.
var changesAlone = []row{
	asked("namespace-changes", "matchNamespaceChanges: [{operator: In, values: [Mnt, Net]}]",
		ask+"1 then unshare "+newUTS+" then "+ask+"2 then unshare "+newNet+" then "+ask+"3 then "+ask+"4 then unshare "+newNet+" then "+ask+
			"5 then exec $D/program $L "+ask+"6 and unshare "+newMount+" and "+ask+"7", 3, 5, 7),
	asked("other-capability-changes", "matchCapabilityChanges: [{type: Effective, operator: NotIn, values: [CAP_CHOWN]}]",
		ask+"1 then capset 0x7 0x3ff 0 then "+ask+"2 then "+ask+"3 then capset 0x6 0x3ff 0 then "+ask+"4 then capset 0x5 0x3ff 0 then "+ask+"5", 2, 5),
}

func TestChangesBeginAnew(t *testing.T) {
	for _, r := range changesAlone {
		runRows(t, harness.Options{}, []row{r}, nil)
	}
}

// TestEverySelector: no filter is without a row.
func TestEverySelector(t *testing.T) {
	fields := `matchPIDs matchArgs matchData matchReturnArgs matchNamespaces matchNamespaceChanges matchCapabilities matchCapabilityChanges
		matchBinaries matchParentBinaries matchWorkloads macros label`
	covered := map[string]bool{}
	for i := range selectors {
		for _, match := range regexp.MustCompile(`(match\w+|macros|label):`).FindAllStringSubmatch(selectors[i].spec, -1) {
			covered[match[1]] = true
		}
	}
	if without := missing(strings.Fields(fields), covered); len(without) > 0 {
		t.Errorf("no row has %v", without)
	}
}
