// SPDX-License-Identifier: Apache-2.0

package pipeline

import "time"

// Discard is a sink that takes everything and shows nothing.
type Discard struct{}

// Take takes an event.
func (Discard) Take(*Item) error { return nil }

// Flush has nothing to write.
func (Discard) Flush(time.Time) error { return nil }

// Close has nothing to write.
func (Discard) Close() error { return nil }
