// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// Webhook posts alerts as Falco's HTTP output does: one request for each, with its JSON as the body.
type Webhook struct {
	URL    string
	Client *http.Client
	Times  Times
}

// userAgent that receivers know Falco by.
const userAgent = "falcosecurity/falco"

// longestAnswer that is read of a receiver, in bytes, so that the connection can be used again.
const longestAnswer = 4096

// Send posts an alert. An answer that is not 2xx is an error.
func (w *Webhook) Send(ctx context.Context, a *Alert) error {
	body, err := a.JSON(w.Times)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("webhook %s: %w", w.URL, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	response, err := w.Client.Do(request)
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, longestAnswer)
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("webhook %s: the receiver answered %s", w.URL, response.Status)
	}
	return nil
}
