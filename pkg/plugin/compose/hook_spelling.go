// SPDX-License-Identifier: Apache-2.0

package compose

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// otherSpelling is a place as perf, bpftrace and trace-cmd write it, in our words; empty where it is none.
func otherSpelling(word, place string) string {
	switch word {
	case "k", "kfunc", "fentry", "function":
		return kprobe + ":" + place
	case "kr", "kretprobe", "kretfunc", "fexit":
		return kprobe + ":" + place + " --return TYPE"
	case "t", "tp":
		return "tracepoint:" + place
	case "rt", "raw", "raw_tp", "rawtracepoint":
		return "raw_tracepoint:" + place
	case "u":
		return "uprobe:" + place
	case "ur", "uretprobe":
		return "uprobe:" + place + " --return TYPE"
	case "syscall", "sys":
		return "sys_" + strings.TrimPrefix(place, "sys_")
	}
	switch {
	case path.IsAbs(word):
		return "uprobe:" + word + ":" + place
	case strings.HasPrefix(place, word+"_"): // sched:sched_switch
		return "tracepoint:" + word + "/" + place
	}
	return ""
}

// slashed says what a place with a slash may have been meant for, where no kind stands before it.
func slashed(place string) error {
	before, after, _ := strings.Cut(place, "/")
	switch {
	case path.IsAbs(place):
		return errors.New("a place in a program is uprobe:/PATH:FUNCTION")
	case slices.Contains(kindNames(), before):
		return fmt.Errorf("did you mean %s:%s?", before, after)
	}
	return fmt.Errorf("a tracepoint would be tracepoint:%s; pods and workloads stand behind the place: hook PLACE %s", place, place)
}
