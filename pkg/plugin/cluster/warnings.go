// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"io"
	"sync"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
)

// mostWarnings are said: an API server, or what is in front of it, may make up any number of them.
const mostWarnings = 50

// warnings of the API server (Pod Security, a deprecated API) are said once, by whichever client and for whichever node they come. It
// is a rest.WarningHandler, and safe for concurrent use.
type warnings struct {
	mu   sync.Mutex
	said map[string]bool
	say  func(text string)
}

// newWarnings writes to standard error.
func newWarnings(out io.Writer) *warnings {
	return &warnings{said: map[string]bool{}, say: func(text string) { fmt.Fprintln(out, "warning: "+text) }}
}

func (w *warnings) to(say func(text string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.say = say
}

// miscPersistentWarning is the only code that the API server warns with.
const miscPersistentWarning = 299

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(code int, _, text string) {
	if code != miscPersistentWarning || text == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said[text] || len(w.said) >= mostWarnings {
		return
	}
	w.said[text] = true
	w.say(terminal.Sanitize(text))
}
