// SPDX-License-Identifier: Apache-2.0

package session

import (
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// endSignals end a session. SIGQUIT is one of them: a dump of goroutines helps nobody whose tracer pods stay behind.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// exitBy ends the process as shells report the end by a signal.
func exitBy(s os.Signal) {
	const bySignal = 128
	code := bySignal
	if number, ok := s.(syscall.Signal); ok {
		code += int(number)
	}
	os.Exit(code)
}

// HandleSignals passes signals to stop: the first shuts down, the second aborts, the third ends the process. each is called
// for every signal (counted from 1) before it takes effect, and may keep it from counting by returning false. Call restore
// when the session is over.
//
// SIGPIPE is caught so that writing to a closed pipe is an error that the session can end on, not the process's end.
func HandleSignals(stop *Stop, each func(count int, s os.Signal) (counts bool)) (restore func()) {
	watched := slices.DeleteFunc(slices.Clone(endSignals), func(s os.Signal) bool {
		return s == syscall.SIGHUP && signal.Ignored(s) // nohup
	})
	signals, pipes := make(chan os.Signal, 4), make(chan os.Signal, 1)
	signal.Notify(signals, watched...)
	signal.Notify(pipes, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		for count := 1; ; {
			select {
			case s := <-signals:
				if !each(count, s) {
					continue
				}
				switch count {
				case 1:
					stop.Shutdown(ErrInterrupted)
				case 2:
					stop.Abort(ErrInterrupted)
				default:
					exitBy(s)
				}
				count++
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		signal.Stop(signals)
		signal.Stop(pipes)
	})
}
