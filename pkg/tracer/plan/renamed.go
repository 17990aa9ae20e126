// SPDX-License-Identifier: Apache-2.0

//go:build linux

package plan

// renamed are functions that other kernels have under another name, with the same arguments where policies read them.
var renamed = map[string][]string{
	"security_bpf_map_alloc":  {"security_bpf_map_create"}, // 6.9
	"security_bpf_map_create": {"security_bpf_map_alloc"},
	"security_bpf_prog_alloc": {"security_bpf_prog_load"}, // 6.9
	"security_bpf_prog_load":  {"security_bpf_prog_alloc"},
	"kfree_skb_reason":        {"sk_skb_reason_drop", "__kfree_skb_reason"}, // 6.11
}
