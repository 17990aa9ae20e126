// SPDX-License-Identifier: Apache-2.0

package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Webhook posts alerts as Falco's HTTP output does: one request for each, with its JSON as the body.
type Webhook struct {
	// URL may hold secrets: no error tells it.
	URL    string
	Client *http.Client
}

// userAgent that receivers know Falco by.
const userAgent = "falcosecurity/falco"

// longestAnswer that is read of a receiver, in bytes, so that the connection can be used again.
const longestAnswer = 4096

// AnswerError is an answer that is not 2xx.
type AnswerError struct{ Code int }

func (e *AnswerError) Error() string {
	return fmt.Sprintf("the receiver answered %d %s", e.Code, http.StatusText(e.Code))
}

// Post posts an alert's JSON. An answer that is not 2xx is an *AnswerError.
func (w *Webhook) Post(ctx context.Context, alert []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(alert))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	response, err := w.Client.Do(request)
	if err != nil {
		if at, ok := errors.AsType[*url.Error](err); ok {
			err = at.Err // without the URL
		}
		return err
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, longestAnswer)
	if response.StatusCode/100 != 2 {
		return &AnswerError{response.StatusCode}
	}
	return nil
}
