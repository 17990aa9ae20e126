// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// These tests trace this machine's kernel and need root.

// provoke builds the program that the tests of policies provoke events with.
func provoke(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "provoke")
	if out, err := exec.Command("make", "-s", "-C", "../../test/policies/testdata", "BUILD="+filepath.Dir(path), path).CombinedOutput(); err != nil {
		t.Fatalf("build provoke: %v\n%s", err, out)
	}
	return path
}

var (
	// took is how long something lasted, freePort a port that the kernel chose: on some kernels that is not seen.
	took     = regexp.MustCompile(` in <?[0-9.]+(ms|s)$`)
	freePort = regexp.MustCompile(`udp 0\.0\.0\.0(:\d+)? ->`)
)

// lines are what compact lines tell, without what is another each time.
func linesOf(t *testing.T, verb string, flags []string, command ...string) (lines []string) {
	t.Helper()
	args := append(append([]string{verb, "-o", "compact"}, flags...), "--local", "--")
	_, stdout, stderr := runPlugin(t, built, append(args, command...)...)
	if !strings.Contains(stderr, "attached") || strings.Contains(stderr, "is not attached") {
		t.Fatalf("stderr:\n%s", stderr)
	}
	for _, line := range hookLines(t, stdout) {
		line = took.ReplaceAllString(line, " in TIME")
		lines = append(lines, freePort.ReplaceAllString(line, "udp 0.0.0.0 ->"))
	}
	return lines
}

func TestNetLocal(t *testing.T) {
	program := provoke(t)
	for name, test := range map[string]struct {
		flags, do string
		want      []string
	}{
		"one connection": {"", "listen 127.0.0.1 4000 then connect 127.0.0.1 4000 127.0.0.1 5000 then send hello then accept then close then close-listener", []string{
			"👂 listen tcp 127.0.0.1:4000", "🔌 connect tcp 127.0.0.1:5000 -> 127.0.0.1:4000", "📞 accept tcp 127.0.0.1:4000 <- 127.0.0.1:5000",
			"🧹 close tcp 127.0.0.1:5000 -> 127.0.0.1:4000 sent 5 bytes received 0 bytes in TIME", "🧹 close tcp 127.0.0.1:4000 in TIME",
		}},
		"IPv6": {"", "listen fd00::7 4000 then connect fd00::7 4000 fd00::7 5000 then accept then close", []string{
			"👂 listen tcp [fd00::7]:4000", "🔌 connect tcp [fd00::7]:5000 -> [fd00::7]:4000", "📞 accept tcp [fd00::7]:4000 <- [fd00::7]:5000",
			"🧹 close tcp [fd00::7]:5000 -> [fd00::7]:4000 sent 0 bytes received 0 bytes in TIME",
		}},
		"nobody listens": {"", "connect 127.0.0.1 4000 127.0.0.1 5000", []string{"🔌 connect tcp 127.0.0.1:5000 -> 127.0.0.1:4000"}},
		"to": {"--to 127.0.1.0/24 --op connect,close", "listen 0.0.0.0 4000 then connect 127.0.0.1 4000 127.0.0.1 5000 then close then connect 127.0.1.1 4000 127.0.0.1 5001 then close", []string{
			"🔌 connect tcp 127.0.0.1:5001 -> 127.0.1.1:4000", "🧹 close tcp 127.0.0.1:5001 -> 127.0.1.1:4000 sent 0 bytes received 0 bytes in TIME",
		}},
		"not to": {"--not-to 127.0.1.0/24 --not-to ::/0 --op connect", "listen 0.0.0.0 4000 then connect 127.0.0.1 4000 127.0.0.1 5000 then connect 127.0.1.1 4000 then listen fd00::7 4001 then connect fd00::7 4001", []string{
			"🔌 connect tcp 127.0.0.1:5000 -> 127.0.0.1:4000",
		}},
		"ports": {"--port 4001-4002,4009", "listen 127.0.0.1 4000 then connect 127.0.0.1 4000 then close then listen 127.0.0.1 4002 then connect 127.0.0.1 4002 127.0.0.1 5000 then close", []string{
			"👂 listen tcp 127.0.0.1:4002", "🔌 connect tcp 127.0.0.1:5000 -> 127.0.0.1:4002", "🧹 close tcp 127.0.0.1:5000 -> 127.0.0.1:4002 sent 0 bytes received 0 bytes in TIME",
		}},
		"who listens": {"--listen", "listen 127.0.0.1 4000 then connect 127.0.0.1 4000 127.0.0.1 5000 then accept then close then close-listener then receive 127.0.0.1 53 then send-to 127.0.0.1 53 hello", []string{
			"👂 listen tcp 127.0.0.1:4000", "📞 accept tcp 127.0.0.1:4000 <- 127.0.0.1:5000",
		}},
		"messages": {"--op udp", "receive 127.0.0.1 4000 then send-to 127.0.0.1 4000 hello then connect-udp 127.0.0.1 4000 127.0.0.1 5000 then send some then sendmsg words then write there then writev one two then listen 127.0.0.1 4001 then connect 127.0.0.1 4001 then send tcp then unix-connect @x", []string{
			"📤 sendmsg udp 0.0.0.0 -> 127.0.0.1:4000 5 bytes", "📤 sendmsg udp 127.0.0.1:5000 -> 127.0.0.1:4000 4 bytes", "📤 sendmsg udp 127.0.0.1:5000 -> 127.0.0.1:4000 5 bytes",
			"📤 sendmsg udp 127.0.0.1:5000 -> 127.0.0.1:4000 5 bytes", "📤 sendmsg udp 127.0.0.1:5000 -> 127.0.0.1:4000 6 bytes",
		}},
		"messages to some": {"--op udp --to 127.0.1.0/24 --port 4000", "receive 0.0.0.0 4000 then send-to 127.0.0.1 4000 hello then send-to 127.0.1.1 4000 hallo then send-to 127.0.1.1 4001 hullo then connect-udp 127.0.1.1 4000 127.0.0.1 5000 then send ha then connect-udp 127.0.0.1 4000 127.0.0.1 5001 then send ho", []string{
			"📤 sendmsg udp 0.0.0.0 -> 127.0.1.1:4000 5 bytes", "📤 sendmsg udp 127.0.0.1:5000 -> 127.0.1.1:4000 2 bytes",
		}},
		"no DNS message": {"--op dns,udp", "receive 127.0.0.1 53 then send-to 127.0.0.1 53 hello then send-to 127.0.0.1 54 hallo then receive 127.0.0.1 54 then send-to 127.0.0.1 54 hallo", []string{
			"📤 sendmsg udp 0.0.0.0 -> 127.0.0.1:53 5 bytes", "📤 sendmsg udp 0.0.0.0 -> 127.0.0.1:54 5 bytes", "📤 sendmsg udp 0.0.0.0 -> 127.0.0.1:54 5 bytes",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			do := strings.Fields("label network fd00::7 then " + test.do)
			if got := linesOf(t, "net", strings.Fields(test.flags), append([]string{program}, do...)...); !slices.Equal(got, test.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// Bash writes to its own sockets what printf prints.
func TestNetQuestions(t *testing.T) {
	const message = `printf '\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x1c\x00\x01'`
	got := linesOf(t, "net", nil, "/bin/bash", "-c", message+" >/dev/udp/127.0.0.1/53; "+message+" >/dev/udp/127.0.0.1/5353")
	if want := []string{"🔎 dns example.com AAAA -> 127.0.0.1:53"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// netEvents are the events of hooks that a command's net tells.
func netEvents(t *testing.T, flags string, command ...string) (events []*event.Event) {
	t.Helper()
	args := append(append([]string{"net", "-o", "json"}, strings.Fields(flags)...), "--local", "--")
	_, stdout, _ := runPlugin(t, built, append(args, command...)...)
	for line := range strings.Lines(stdout) {
		e := readEvent(t, line)
		if e.ProcessKprobe != nil {
			events = append(events, &e)
		}
	}
	return events
}

// What is known besides is in the JSON, too. The child connects, so what is told is the child's.
func TestNetEvents(t *testing.T) {
	do := strings.Fields("label network then listen 127.0.0.1 4000 then fork then connect 127.0.0.1 4000 then send 0123456789 then close")
	events := netEvents(t, "--op connect,close", append([]string{provoke(t)}, do...)...)
	if len(events) != 2 {
		t.Fatalf("%d events, want 2", len(events))
	}
	begin, end := events[0], events[1]
	if k := begin.ProcessKprobe; k.FunctionName != "tcp_connect" || begin.Connection == nil || begin.Connection.DurationNs != nil || k.Args[0].SockArg.Cookie == 0 || k.Process.Flags != "clone" {
		t.Errorf("connect: %+v of %+v", begin.Connection, k.Process)
	}
	c, k := end.Connection, end.ProcessKprobe
	if k.FunctionName != "tcp_close" || c == nil || c.BytesSent == nil || *c.BytesSent != 10 || c.BytesReceived == nil || *c.BytesReceived != 0 || c.DurationNs == nil || *c.DurationNs == 0 ||
		k.Process.ExecID != begin.ProcessKprobe.Process.ExecID || k.Args[0].SockArg.Cookie != begin.ProcessKprobe.Args[0].SockArg.Cookie {
		t.Errorf("close: %+v of %+v", c, k.Process)
	}
}

// A socket that is closed with unread data goes down at once. The ports are the kernel's choice, which it takes back then.
func TestNetUnread(t *testing.T) {
	const script = `use IO::Socket::INET; $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) or die;
		$c = IO::Socket::INET->new("127.0.0.1:" . $l->sockport) or die; $s = $l->accept or die; syswrite $s, "unread"; close $c; close $l`
	var port uint32
	var closed int
	for _, e := range netEvents(t, "--op connect,accept,listen,close", "perl", "-e", script) {
		c, k := e.Connection, e.ProcessKprobe
		switch {
		case k.FunctionName == "inet_csk_accept":
			port = k.Return.SockArg.Sport
		case k.FunctionName == "tcp_close" && k.Args[0].SockArg.State == "TCP_LISTEN":
			if got := k.Args[0].SockArg.Sport; got != port || got == 0 {
				t.Errorf("the listener's port is %d, want %d", got, port)
			}
		case k.FunctionName == "tcp_close" && !c.Incoming:
			closed++
			if *c.BytesSent != 0 || *c.BytesReceived != 6 || c.DurationNs == nil || k.Args[0].SockArg.Sport == 0 {
				t.Errorf("sent %d, received %d, from port %d", *c.BytesSent, *c.BytesReceived, k.Args[0].SockArg.Sport)
			}
		}
	}
	if closed != 1 {
		t.Errorf("%d connections were closed, want 1", closed)
	}
}
