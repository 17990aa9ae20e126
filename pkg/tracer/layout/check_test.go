// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// TestCheck: types against arguments of functions of this kernel.
func TestCheck(t *testing.T) {
	spec, err := NewKernel().Spec()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		function string
		index    int
		as       string
		refused  string // part of the reason; empty: fits
	}{
		{"security_file_permission", 0, "file", ""},
		{"security_file_permission", 0, "nop", ""},
		{"security_file_permission", 0, "uint64", ""},
		{"security_file_permission", 0, "dentry", "type file, not dentry"},
		{"security_file_permission", 0, "path", "type file, not path"},
		{"security_file_permission", 1, "int", ""},
		{"security_file_permission", 1, "file", "wants a pointer"},
		{"security_file_permission", 1, "string", "wants a pointer"},
		{"security_file_permission", 0, "string", "type file, not string"},
		{"security_file_permission", 0, "char_buf", ""},
		{"security_kernel_module_request", 0, "string", ""},
		{"security_path_truncate", 0, "path", ""},
		{"security_capset", 2, "cap_effective", ""},
		{"security_capset", 2, "kernel_cap_t", ""},
		{"security_socket_connect", 0, "socket", ""},
		{"security_socket_connect", 0, "sock", "type socket, not sock"},
		{"security_socket_connect", 1, "sockaddr", ""},
		{"security_socket_connect", 1, "sockaddr_un", ""},
		{"tcp_connect", 0, "sock", ""},
		{"tcp_connect", 0, "skb", "type sock, not skb"},
	} {
		have, err := Parameter(spec, row.function, row.index)
		if err != nil {
			t.Fatal(err)
		}
		err = Check(have, policy.LookupArgumentType(row.as))
		if (err == nil) != (row.refused == "") || err != nil && !strings.Contains(err.Error(), row.refused) {
			t.Errorf("%s argument %d as %s: %v, want %q", row.function, row.index, row.as, err, row.refused)
		}
	}
}
