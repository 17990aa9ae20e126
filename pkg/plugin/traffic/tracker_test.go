// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
)

var beginning = time.Unix(1000, 0)

// called is the event of a function, so many milliseconds after the beginning.
func called(function string, milliseconds int, args ...event.Argument) *event.Event {
	return &event.Event{
		NodeName: "n1", Time: &event.Timestamp{Time: beginning.Add(time.Duration(milliseconds) * time.Millisecond)},
		ProcessKprobe: &event.ProcessKprobe{FunctionName: function, Hooked: event.Hooked{PolicyName: compose.NetPolicy, Args: args}},
	}
}

func sock(cookie uint64, state string) event.Argument {
	return event.Argument{SockArg: &event.SockArg{Saddr: "10.0.0.7", Sport: 5000, Daddr: "10.96.0.1", Dport: 443, Cookie: cookie, State: state}}
}

// closing is a tcp_close with what was counted.
func closing(milliseconds int, cookie uint64, state string, received, acknowledged uint64, written, unanswered uint32) *event.Event {
	return called(compose.NetClose, milliseconds, sock(cookie, state),
		event.Argument{SizeArg: &received, Label: compose.NetReceived}, event.Argument{SizeArg: &acknowledged, Label: compose.NetAcknowledged},
		event.Argument{UintArg: &written, Label: compose.NetWritten}, event.Argument{UintArg: &unanswered, Label: compose.NetUnanswered})
}

func show(c *event.Connection) string {
	if c == nil {
		return "nothing"
	}
	text := func(n *uint64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	return fmt.Sprintf("incoming %t, sent %s, received %s, ns %s", c.Incoming, text(c.BytesSent), text(c.BytesReceived), text(c.DurationNs))
}

func TestCloses(t *testing.T) {
	accept := called(compose.NetAccept, 5)
	accept.ProcessKprobe.Return = new(sock(2, "TCP_ESTABLISHED"))
	otherNode := called(compose.NetConnect, 6, sock(3, "TCP_SYN_SENT"))
	otherNode.NodeName = "n2"
	for name, test := range map[string]struct {
		before []*event.Event
		close  *event.Event
		want   string
	}{
		"connected":                {[]*event.Event{called(compose.NetConnect, 0, sock(1, "TCP_SYN_SENT"))}, closing(7, 1, "TCP_ESTABLISHED", 20, 11, 500, 500), "incoming false, sent 10, received 20, ns 7000000"},
		"accepted":                 {[]*event.Event{accept}, closing(7, 2, "TCP_ESTABLISHED", 20, 10, 500, 500), "incoming true, sent 10, received 20, ns 2000000"},
		"the other end has closed": {[]*event.Event{accept}, closing(7, 2, "TCP_CLOSE_WAIT", 21, 10, 500, 500), "incoming true, sent 10, received 20, ns 2000000"},
		"both have":                {[]*event.Event{accept}, closing(7, 2, "TCP_LAST_ACK", 21, 11, 500, 500), "incoming true, sent 10, received 20, ns 2000000"},
		"not all has arrived, and the numbers wrap": {[]*event.Event{accept}, closing(7, 2, "TCP_ESTABLISHED", 0, 10, 4, 1<<32-6), "incoming true, sent 20, received 0, ns 2000000"},
		"nothing went through":                      {[]*event.Event{called(compose.NetConnect, 0, sock(1, ""))}, closing(1, 1, "TCP_SYN_SENT", 0, 0, 501, 500), "incoming false, sent 0, received 0, ns 1000000"},
		"the beginning was not seen":                {nil, closing(7, 4, "TCP_ESTABLISHED", 20, 10, 500, 500), "incoming false, sent 10, received 20, ns -"},
		"the number is another node's":              {[]*event.Event{otherNode}, closing(7, 3, "TCP_ESTABLISHED", 20, 10, 500, 500), "incoming false, sent 10, received 20, ns -"},
		"closed before":                             {[]*event.Event{accept, closing(6, 2, "TCP_ESTABLISHED", 0, 0, 0, 0)}, closing(7, 2, "TCP_ESTABLISHED", 20, 10, 500, 500), "incoming false, sent 10, received 20, ns -"},
		"opened anew":                               {[]*event.Event{accept, called(compose.NetConnect, 6, sock(2, ""))}, closing(7, 2, "TCP_ESTABLISHED", 20, 11, 500, 500), "incoming false, sent 10, received 20, ns 1000000"},
		"a clock that goes back":                    {[]*event.Event{accept}, closing(0, 2, "TCP_ESTABLISHED", 20, 10, 500, 500), "incoming true, sent 10, received 20, ns -"},
		"a socket without a number":                 {[]*event.Event{called(compose.NetConnect, 0, sock(0, ""))}, closing(7, 0, "TCP_ESTABLISHED", 20, 10, 500, 500), "incoming false, sent 10, received 20, ns -"},
		"a listener":                                {[]*event.Event{called(compose.NetListen, 1, sock(5, "TCP_CLOSE"))}, closing(7, 5, "TCP_LISTEN", 0, 0, 0, 0), "incoming false, sent -, received -, ns 6000000"},
		"what could not be read":                    {[]*event.Event{accept}, called(compose.NetClose, 7, sock(2, "TCP_ESTABLISHED")), "incoming true, sent -, received -, ns 2000000"},
		"no socket":                                 {nil, called(compose.NetClose, 7), "nothing"},
	} {
		b := NewConnectionTracker(compose.Net{}, nil)
		for _, e := range test.before {
			b.Pass(&pipeline.Item{Event: e})
		}
		if shown := b.Pass(&pipeline.Item{Event: test.close}); !shown || show(test.close.Connection) != test.want {
			t.Errorf("%s: %s, shown %t, want %s", name, show(test.close.Connection), shown, test.want)
		}
	}
}

func TestMessages(t *testing.T) {
	names := func(a netip.Addr) string {
		return map[string]string{"10.96.0.1": "service shop/web", "10.96.0.10": "service kube-system/kube-dns"}[a.String()]
	}
	asked := compose.Net{NotTo: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Operations: []string{"dns", "udp"}}
	to := func(address string, port uint32) event.Argument {
		return event.Argument{SockaddrArg: &event.SockaddrArg{Addr: address, Port: port}, Label: compose.NetTo}
	}
	content := func(message []byte) event.Argument {
		return event.Argument{BytesArg: message, Label: compose.NetPayload}
	}
	question := query(0x0100, 1, example+"\x00\x01\x00\x01")
	for name, test := range map[string]struct {
		args  []event.Argument
		shown bool
		want  string
	}{
		"connected":      {[]event.Argument{sock(1, ""), to("", 0)}, true, "10.96.0.1:443 service shop/web []"},
		"addressed":      {[]event.Argument{sock(1, ""), to("10.96.0.10", 53), content(question)}, true, "10.96.0.10:53 service kube-system/kube-dns [{example.com A}]"},
		"no DNS":         {[]event.Argument{sock(1, ""), to("10.96.0.10", 53), content([]byte("hello"))}, true, "10.96.0.10:53 service kube-system/kube-dns []"},
		"cut":            {[]event.Argument{sock(1, ""), to("10.96.0.10", 53), {TruncatedBytesArg: &event.TruncatedBytesArg{BytesArg: question, OrigSize: 9000}, Label: compose.NetPayload}}, true, "10.96.0.10:53 service kube-system/kube-dns [{example.com A}]"},
		"not asked for":  {[]event.Argument{sock(1, ""), to("192.0.2.7", 53), content(question)}, false, "192.0.2.7:53  [{example.com A}]"},
		"past its end":   {[]event.Argument{sock(1, ""), to("10.96.0.10", 443), content(question)}, false, "10.96.0.10:443 service kube-system/kube-dns [{example.com A}]"},
		"nobody's names": {[]event.Argument{sock(1, ""), to("127.0.0.1", 53), content(question)}, true, "127.0.0.1:53  [{example.com A}]"},
	} {
		e := called(compose.NetSend, 0, test.args...)
		shown := NewConnectionTracker(asked, names).Pass(&pipeline.Item{Event: e})
		c := e.Connection
		if got := fmt.Sprintf("%s:%d %s %v", c.RemoteAddress, c.RemotePort, c.Remote, c.Questions); got != test.want || shown != test.shown {
			t.Errorf("%s: %s, shown %t, want %s", name, got, shown, test.want)
		}
	}
}

// Events of other policies are left alone, and memory is bounded whatever a node tells.
func TestBounds(t *testing.T) {
	b := NewConnectionTracker(compose.Net{}, nil)
	other := called(compose.NetConnect, 0, sock(1, ""))
	other.ProcessKprobe.PolicyName = "mine"
	if !b.Pass(&pipeline.Item{Event: other}) || other.Connection != nil || !b.Pass(&pipeline.Item{Event: &event.Event{ProcessExec: &event.ProcessExec{}}}) {
		t.Error("an event of another policy was changed or dropped")
	}
	for i := range uint64(mostOpen + 10) {
		b.Pass(&pipeline.Item{Event: called(compose.NetConnect, 0, sock(i+1, ""))})
	}
	if len(b.open) > mostOpen {
		t.Errorf("%d connections are remembered", len(b.open))
	}
}
