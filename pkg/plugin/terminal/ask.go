// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"context"
	"io"
	"strings"
)

// Ask writes a question without a line feed, and says whether the line that follows on in is "y" or "yes". The error is that of ctx,
// which may end before there is an answer.
func Ask(ctx context.Context, in io.Reader, write func(string), question string) (agreed bool, err error) {
	write(question + " [y/N] ")
	answer := make(chan string, 1)
	go func() { answer <- readLine(in) }()
	select {
	case text := <-answer:
		text = strings.ToLower(strings.TrimSpace(text))
		return text == "y" || text == "yes", nil
	case <-ctx.Done():
		write("\n")
		return false, context.Cause(ctx)
	}
}

// readLine reads a line and nothing behind it, which may be for a command that is run later.
func readLine(in io.Reader) string {
	var line []byte
	one := make([]byte, 1)
	for {
		n, err := in.Read(one)
		if n > 0 && one[0] == '\n' || err != nil {
			return string(line)
		}
		line = append(line, one[:n]...)
	}
}
