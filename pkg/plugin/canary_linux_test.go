// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/exit"
)

// These tests load policies into this machine's kernel and need root.

func TestCanariesLocal(t *testing.T) {
	var mu sync.Mutex
	var fetched []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		fetched = append(fetched, r.URL.Path)
	}))
	defer server.Close()
	directory, seen, missed := twoFiles(t)
	policy := func(also string) string {
		return writePolicy(t, "canaries", `  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{index: 0, type: file}, {index: 1, type: int}]
    selectors:
    - matchArgs:
      - {index: 0, operator: Prefix, values: ["`+directory+`/"]}
      - {index: 1, operator: Mask, values: ["4"]}
      matchActions: [{action: GetUrl, argUrl: "`+server.URL+`/read"}`+also+`]`)
	}
	read := func(file string) string { return "dd if=" + file + " of=/dev/null bs=1 count=1 status=none;" }
	const look = ", {action: DnsLookup, argFqdn: canary.invalid}"
	for name, test := range map[string]struct {
		also   string
		flags  []string
		script string
		want   []string
		said   string
	}{
		"off":       {look, nil, read(seen), nil, "GetUrl and DnsLookup of policy canaries are not carried out"},
		"on":        {"", []string{"--allow-canary"}, read(missed) + read(seen) + read(seen), []string{"/read"}, "canary URL " + server.URL + "/read: fetched: 200 OK"},
		"looked up": {look, []string{"--allow-canary"}, read(seen), []string{"/read"}, "canary name canary.invalid: failed: "},
		"near miss": {look, []string{"--allow-canary"}, read(missed), nil, "1 hook attached"},
	} {
		t.Run(name, func(t *testing.T) {
			fetched = nil
			args := slices.Concat([]string{"run", "-f", policy(test.also), "--local", "-o", "json"}, test.flags, []string{"--", "/bin/sh", "-c", test.script})
			code, _, stderr := runPlugin(t, built, args...)
			if code != exit.OK || !strings.Contains(stderr, test.said) {
				t.Errorf("exit code %d, stderr lacks %q:\n%s", code, test.said, stderr)
			}
			if warned := strings.Contains(stderr, "are not carried out"); warned != (test.flags == nil) {
				t.Errorf("that canaries are off is said: %t:\n%s", warned, stderr)
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(fetched, test.want) {
				t.Errorf("fetched %q, want %q", fetched, test.want)
			}
		})
	}
}
