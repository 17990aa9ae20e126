// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
)

// carriedStream is a control stream that carries a tracer of so many bytes; attach is the node's side.
func carriedStream(t *testing.T, payload []byte, attach attacher) (tracer *Tracer, done chan struct{}) {
	t.Helper()
	return controlledBy(t, Program{carried: &carry.Tracer{Payload: payload}}, true, time.Hour, attach)
}

// The tracer goes first, whole, and once; then what is said to it, on this connection and on the next.
func TestTracerIsSentOnce(t *testing.T) {
	payload := bytes.Repeat([]byte("0123456789"), 10_000)
	received := make(chan []byte)
	cut := make(chan error)
	attach := func(ctx context.Context, stdin io.Reader) error {
		go func() {
			for {
				b := make([]byte, len(payload))
				n, err := io.ReadAtLeast(stdin, b, 1)
				if err != nil {
					return
				}
				select {
				case received <- b[:n]:
				case <-ctx.Done():
					return
				}
			}
		}()
		select {
		case err := <-cut:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	tracer, _ := carriedStream(t, payload, attach)
	observed(tracer, running())
	gather := func(until string) (all []byte) {
		for !bytes.Contains(all, []byte(until)) {
			all = append(all, receive(t, received, until)...)
		}
		return all
	}
	if err := tracer.Send(targets("a")); err != nil {
		t.Fatal(err)
	}
	first := gather(`"a"`)
	if !bytes.HasPrefix(first, payload) || first[len(payload)] != '{' || bytes.Contains(first[len(payload):], payload[:100]) {
		t.Errorf("%d bytes came, which are not the tracer's %d and a line", len(first), len(payload))
	}
	speak(t, tracer)
	if err := tracer.awaitCarried(soon(t), func(string) {}); err != nil {
		t.Error(err)
	}
	cut <- io.ErrUnexpectedEOF
	// What was on its way in the first connection may come before.
	if second := bytes.TrimPrefix(gather(`"a"`), []byte("{}\n")); second[0] != '\n' || bytes.Contains(second, payload[:100]) {
		t.Errorf("the next connection began with %q", second[:min(len(second), 100)])
	}
}

// speak is the first line in the tracer's log.
func speak(t *testing.T, tracer *Tracer) {
	t.Helper()
	log := firstByte{io.NopCloser(bytes.NewReader([]byte("x"))), tracer.carrying}
	if _, err := io.ReadAll(log); err != nil {
		t.Fatal(err)
	}
}

// A connection that breaks before the tracer has arrived is the end of this pod: a second stream could not be told from the first.
func TestTracerThatIsCutOff(t *testing.T) {
	attempts := make(chan struct{}, 10)
	attach := func(_ context.Context, stdin io.Reader) error {
		attempts <- struct{}{}
		if len(attempts) == 1 {
			return errors.New("not yet") // before anything was read
		}
		_, err := io.ReadFull(stdin, make([]byte, 1000))
		return errors.Join(err, errors.New("cut"))
	}
	tracer, done := carriedStream(t, make([]byte, 10*carryChunk), attach)
	observed(tracer, running())
	err := tracer.awaitCarried(soon(t), func(string) {})
	var node *NodeError
	if !errors.As(err, &node) || node.Reason != Interrupted {
		t.Fatalf("error %v", err)
	}
	observed(tracer, terminated(1, "Error", `{"reason":"abandoned"}`))
	receive(t, done, "the end of the stream")
	if len(attempts) != 2 {
		t.Errorf("%d connections were made", len(attempts))
	}
}

// That all was written does not say that it arrived.
func TestTracerThatIsLostInTheNetwork(t *testing.T) {
	attach := func(_ context.Context, stdin io.Reader) error {
		_, err := io.ReadFull(stdin, make([]byte, carryChunk))
		return errors.Join(err, errors.New("cut"))
	}
	tracer, _ := carriedStream(t, make([]byte, carryChunk), attach)
	observed(tracer, running())
	var node *NodeError
	if err := tracer.awaitCarried(soon(t), func(string) {}); !errors.As(err, &node) || node.Reason != Interrupted {
		t.Errorf("error %v", err)
	}
	observed(tracer, terminated(1, "Error", `{"reason":"abandoned"}`))
}

// Nothing that resets a silent tracer's connections may cut off one that is being sent.
func TestResetLeavesACarriedTracer(t *testing.T) {
	attached, cut := make(chan struct{}, 10), make(chan struct{}, 10)
	attach := func(ctx context.Context, stdin io.Reader) error {
		go func() { _, _ = io.Copy(io.Discard, stdin) }()
		attached <- struct{}{}
		<-ctx.Done()
		cut <- struct{}{}
		return ctx.Err()
	}
	tracer, _ := carriedStream(t, []byte("tracer"), attach)
	observed(tracer, running())
	receive(t, attached, "the connection")
	<-tracer.carrying.delivered.c
	tracer.Reset()
	select {
	case <-cut:
		t.Fatal("it was cut off before its first word")
	default:
	}
	speak(t, tracer)
	tracer.Reset()
	receive(t, cut, "the end of the connection")
	receive(t, attached, "another connection")
}
