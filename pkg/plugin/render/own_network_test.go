// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// shownDetails are symbol, word and details of an event's row in one line.
func shownDetails(e *event.Event) string {
	r := rowOf(e, ownLook)
	words := []string{r.emoji, r.word}
	for _, d := range r.details(e) {
		words = append(words, d.text)
	}
	return strings.Join(words, " ")
}

func kprobe(function string, args ...event.Argument) *event.Event {
	return &event.Event{ProcessKprobe: &event.ProcessKprobe{FunctionName: function, Hooked: event.Hooked{Args: args}}}
}

func TestConnections(t *testing.T) {
	v4 := &event.SockArg{Protocol: "IPPROTO_TCP", Saddr: "10.0.0.7", Sport: 41000, Daddr: "10.96.0.1", Dport: 443}
	v6 := &event.SockArg{Protocol: "IPPROTO_TCP", Saddr: "fd00::7", Daddr: "2001:db8::1", Dport: 443}
	mapped := &event.SockArg{Protocol: "IPPROTO_TCP", Saddr: "::ffff:10.0.0.7", Sport: 80, Daddr: "::ffff:10.0.0.9", Dport: 50000}
	listener := &event.SockArg{Protocol: "IPPROTO_TCP", Saddr: "::", Sport: 80, Daddr: "::", State: "TCP_LISTEN"}
	udp := &event.SockArg{Protocol: "IPPROTO_UDP", Saddr: "0.0.0.0", Sport: 40000, Daddr: "0.0.0.0"}
	sock := func(s *event.SockArg) event.Argument { return event.Argument{SockArg: s} }
	accept := kprobe("inet_csk_accept")
	accept.ProcessKprobe.Return = new(sock(mapped))
	with := func(e *event.Event, c event.Connection) *event.Event {
		e.Connection = &c
		return e
	}
	for _, test := range []struct {
		e    *event.Event
		want string
	}{
		{kprobe("tcp_connect", sock(v4)), "🔌 connect tcp 10.0.0.7:41000 -> 10.96.0.1:443"},
		{with(kprobe("tcp_connect", sock(v4)), event.Connection{Remote: "service default/kubernetes"}), "🔌 connect tcp 10.0.0.7:41000 -> 10.96.0.1:443 service default/kubernetes"},
		{kprobe("tcp_connect", sock(v6)), "🔌 connect tcp fd00::7 -> [2001:db8::1]:443"},
		{with(accept, event.Connection{Incoming: true, Remote: "pod shop/web"}), "📞 accept tcp 10.0.0.7:80 <- 10.0.0.9:50000 pod shop/web"},
		{kprobe("inet_csk_listen_start", sock(listener)), "👂 listen tcp [::]:80"},
		{with(kprobe("tcp_close", sock(listener)), event.Connection{DurationNs: new(uint64(3e9))}), "🧹 close tcp [::]:80 in 3.0s"},
		{kprobe("tcp_close", sock(v4)), "🧹 close tcp 10.0.0.7:41000 -> 10.96.0.1:443"},
		{with(kprobe("tcp_close", sock(v4)), event.Connection{BytesSent: new(uint64(1)), BytesReceived: new(uint64(1 << 40)), DurationNs: new(uint64(12e6))}),
			"🧹 close tcp 10.0.0.7:41000 -> 10.96.0.1:443 sent 1 byte received 1099511627776 bytes in 12ms"},
		{with(kprobe("tcp_close", sock(mapped)), event.Connection{Incoming: true, Remote: "pod shop/web", BytesSent: new(uint64(0))}),
			"🧹 close tcp 10.0.0.7:80 <- 10.0.0.9:50000 pod shop/web sent 0 bytes"},
		{with(kprobe("security_socket_sendmsg", sock(udp)), event.Connection{RemoteAddress: "10.96.0.10", RemotePort: 53, Remote: "service kube-system/kube-dns",
			Questions: []event.DNSQuestion{{Name: "example.com", Type: "A"}, {Name: `a\032b`, Type: "TXT"}}}),
			`🔎 dns example.com A a\032b TXT -> 10.96.0.10:53 service kube-system/kube-dns`},
		{with(kprobe("security_socket_sendmsg", sock(udp), event.Argument{}, event.Argument{IntArg: new(int32(48))}), event.Connection{RemoteAddress: "2001:db8::1", RemotePort: 123}),
			"📤 sendmsg udp 0.0.0.0:40000 -> [2001:db8::1]:123 48 bytes"},
		{kprobe("security_socket_sendmsg", sock(udp)), "📤 sendmsg udp 0.0.0.0:40000 -> 0.0.0.0:0"},
		{kprobe("tcp_close"), "🧹 close"},
		{kprobe("security_socket_sendmsg"), "📤 sendmsg"},
	} {
		if got := shownDetails(test.e); got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
	if e := kprobe("tcp_connect", sock(v6)); rowOf(e, tetragonsLook).details(e)[0].text != "tcp fd00::7:0 -> 2001:db8::1:443" {
		t.Error("the compact line is not Tetragon's")
	}
}
