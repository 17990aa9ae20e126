// SPDX-License-Identifier: Apache-2.0

// Prints its own return addresses as testdata/stack.c does.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

//go:noinline
func inner(callers []uintptr) int { return runtime.Callers(1, callers) }

//go:noinline
func middle(callers []uintptr) int { return inner(callers) + 0*len(callers) }

func main() {
	callers := make([]uintptr, 16)
	callers = callers[:middle(callers)]
	frames := runtime.CallersFrames(callers)
	for i := 0; ; i++ {
		frame, more := frames.Next()
		fmt.Println(frame.Function, callers[i]-frame.Entry, callers[i])
		if !more {
			break
		}
	}
	fmt.Println("end")
	io.Copy(io.Discard, os.Stdin)
}
