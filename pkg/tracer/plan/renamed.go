// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

// other is the name that other kernels have for a function.
type other struct {
	name string
	// before are how many arguments it has before those of the function that is asked for.
	before int
}

// renamed are functions that other kernels have under another name, with the same arguments.
var renamed = map[string][]other{
	"security_bpf_map_alloc":  {{name: "security_bpf_map_create"}}, // 6.9
	"security_bpf_map_create": {{name: "security_bpf_map_alloc"}},
	"security_bpf_prog_alloc": {{name: "security_bpf_prog_load"}}, // 6.9
	"security_bpf_prog_load":  {{name: "security_bpf_prog_alloc"}},
	"do_filp_open":            {{name: "do_file_open"}},                  // 7.0
	"kfree_skb_reason":        {{name: "sk_skb_reason_drop", before: 1}}, // 6.11: the socket comes first
}
