// SPDX-License-Identifier: Apache-2.0

package pipeline

import "github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"

// Keep is a stage that keeps the events for which it is true. It is asked about events of processes only.
type Keep func(*event.Event) bool

// Pass keeps an item or filters it out.
func (k Keep) Pass(it *Item) bool { return k(it.Event) }

// Chain is stages in their order.
type Chain []Stage

// Pass passes an item through the stages until one filters it out.
func (c Chain) Pass(it *Item) bool {
	for _, stage := range c {
		if !stage.Pass(it) {
			return false
		}
	}
	return true
}
