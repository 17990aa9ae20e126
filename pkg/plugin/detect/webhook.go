// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/detect/falco/output"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
)

const (
	// webhookQueue is how many alerts wait for the receiver, about 2 KiB each; what comes on top is dropped and counted.
	webhookQueue = 1000
	// webhookTimeout is for one request, webhookDrain for what waits at the session's end.
	webhookTimeout = 5 * time.Second
	webhookDrain   = 2 * time.Second
)

// webhookBackoff is how an alert is tried again: three times, within 4 s.
func webhookBackoff() wait.Backoff {
	return wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 4}
}

// Webhook posts detections as Falco does. Who detects never waits for it.
type Webhook struct {
	hook  output.Webhook
	host  string
	queue chan []byte
	// ending is closed by Summary, with which nothing is offered any more; done when all is posted, or given up.
	ending, done chan struct{}

	sent, dropped, failed atomic.Uint64
	// lastError is the text of the last failure.
	lastError atomic.Pointer[string]
}

// NewWebhook makes one for a URL of http or https. The error does not tell the URL, which may hold a secret.
func NewWebhook(address string) (*Webhook, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("--webhook: not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("--webhook: want a URL of http or https, not of %q", u.Scheme)
	case u.Host == "":
		return nil, errors.New("--webhook: the URL has no host")
	}
	return &Webhook{
		hook: output.Webhook{URL: address, Client: &http.Client{Timeout: webhookTimeout}}, host: u.Host,
		queue: make(chan []byte, webhookQueue), ending: make(chan struct{}), done: make(chan struct{}),
	}, nil
}

// Run posts what is offered until Summary is called, and then what still waits, for 2 s at most. It outlives ctx: events that come
// while a session drains are posted, too.
func (w *Webhook) Run(ctx context.Context) {
	defer close(w.done)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	go func() {
		<-w.ending
		time.AfterFunc(webhookDrain, cancel)
	}()
	for ctx.Err() == nil {
		select {
		case alert := <-w.queue:
			w.post(ctx, alert)
			continue
		default:
		}
		select {
		case alert := <-w.queue:
			w.post(ctx, alert)
		case <-w.ending:
			return
		}
	}
}

// post tries an alert until it is taken, refused for good, or given up.
func (w *Webhook) post(ctx context.Context, alert []byte) {
	var last error
	err := wait.ExponentialBackoffWithContext(ctx, webhookBackoff(), func(ctx context.Context) (bool, error) {
		last = w.hook.Post(ctx, alert)
		answer, answered := errors.AsType[*output.AnswerError](last)
		if answered && answer.Code/100 == 4 && answer.Code != http.StatusTooManyRequests {
			return false, last
		}
		return last == nil, nil
	})
	if err == nil {
		w.sent.Add(1)
		return
	}
	w.failed.Add(1)
	w.lastError.Store(new(cmp.Or(last, err).Error()))
}

// offer hands over what rules say of an event.
func (w *Webhook) offer(found []event.Detection) {
	for i := range found {
		if len(found[i].Line) == 0 {
			continue
		}
		select {
		case w.queue <- found[i].Line:
		default:
			w.dropped.Add(1)
		}
	}
}

// Summary ends Run, which must have been started, once, and says what was posted. What waits has 2 s.
func (w *Webhook) Summary() string {
	close(w.ending)
	<-w.done
	text := fmt.Sprintf("webhook %s: %s posted", w.host, wording.Counted(w.sent.Load(), "alert"))
	if failed := w.failed.Load(); failed > 0 {
		text += fmt.Sprintf(", %d failed (%s)", failed, *w.lastError.Load())
	}
	if dropped := w.dropped.Load() + uint64(len(w.queue)); dropped > 0 {
		text += fmt.Sprintf(", %d dropped, since it was too slow", dropped)
	}
	return text
}
