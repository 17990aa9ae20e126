// SPDX-License-Identifier: Apache-2.0

package watching

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// Guarded carries panics of other goroutines to the one that waits for them: guard catches a panic of what it runs and ends ctx,
// rethrow panics with it where it is called. rethrow has to be called, when nothing runs under guard any more; it ends ctx too.
func Guarded(parent context.Context) (ctx context.Context, guard func(func()), rethrow func()) {
	ctx, end := context.WithCancelCause(parent)
	guard = func(f func()) {
		defer func() {
			if fault := recover(); fault != nil {
				end(&guardedPanic{fault, debug.Stack()})
			}
		}()
		f()
	}
	return ctx, guard, func() {
		end(nil)
		if fault, panicked := errors.AsType[*guardedPanic](context.Cause(ctx)); panicked {
			panic(fault)
		}
	}
}

// guardedPanic is a panic of another goroutine.
type guardedPanic struct {
	fault any
	stack []byte
}

func (p *guardedPanic) Error() string { return fmt.Sprintf("%v\n%s", p.fault, p.stack) }
