// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// receiver answers what answer says to the request of this number, and keeps what it took.
func receiver(t *testing.T, answer func(number int) int) (address string, taken func() []string) {
	t.Helper()
	var mu sync.Mutex
	var bodies []string
	number := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		number++
		code := answer(number)
		if code == http.StatusOK {
			bodies = append(bodies, string(body))
		}
		w.WriteHeader(code)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return bodies
	}
}

// posted is what comes of so many alerts; the session ends at once.
func posted(t *testing.T, address string, alerts int) string {
	t.Helper()
	w, err := NewWebhook(address + "/?token=secret")
	if err != nil {
		t.Fatal(err)
	}
	for i := range alerts {
		w.offer([]event.Detection{{Line: fmt.Appendf(nil, "%d", i)}, {}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the session drains
	go w.Run(ctx)
	summary := w.Summary()
	if strings.Contains(summary, "secret") {
		t.Errorf("the URL is told: %s", summary)
	}
	return summary
}

func TestWebhook(t *testing.T) {
	address, taken := receiver(t, func(int) int { return http.StatusOK })
	if got := posted(t, address, 3); !strings.HasSuffix(got, ": 3 alerts posted") || strings.Join(taken(), " ") != "0 1 2" {
		t.Errorf("%s, taken %q", got, taken())
	}
	address, taken = receiver(t, func(number int) int {
		if number == 1 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	if got := posted(t, address, 1); !strings.HasSuffix(got, ": 1 alert posted") || len(taken()) != 1 {
		t.Errorf("tried again: %s, taken %q", got, taken())
	}
	address, taken = receiver(t, func(int) int { return http.StatusBadRequest })
	if got := posted(t, address, 2); !strings.Contains(got, ": 0 alerts posted, 2 failed (the receiver answered 400 Bad Request)") || len(taken()) != 0 {
		t.Errorf("refused: %s", got)
	}
	address, taken = receiver(t, func(int) int { return http.StatusOK })
	got := posted(t, address, webhookQueue+7)
	if !strings.Contains(got, fmt.Sprintf("%d alerts posted, 7 dropped", webhookQueue)) || len(taken()) != webhookQueue {
		t.Errorf("too many: %s, taken %d", got, len(taken()))
	}
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer server.Close()
	defer close(silent)
	if got := posted(t, server.URL, 3); !strings.Contains(got, "0 alerts posted, 1 failed") || !strings.Contains(got, "2 dropped") {
		t.Errorf("a receiver that does not answer: %s", got)
	}
	for _, wrong := range []string{"", "ftp://x/secret", "http:///secret", "http://%zz/secret", "localhost:1/secret"} {
		if _, err := NewWebhook(wrong); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
