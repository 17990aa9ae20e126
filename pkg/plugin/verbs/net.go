// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/address"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/traffic"
)

// netOptions say which connections and messages.
type netOptions struct {
	to, notTo, ports, operations []string
	listen                       bool
}

// Net shows connections.
func Net(env trace.Environment) *cobra.Command {
	var f netOptions
	flags := f.flags()
	cmd := trace.Command(env, trace.Verb{
		Use:   "net [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show who connects, accepts, listens and asks name servers, and how much goes through connections",
		Long: `Show who connects, accepts, listens and closes (TCP), and what is asked of name servers (UDP, port 53). A close has what the
process sent and received, and how long the connection was open if its beginning was seen.
Addresses are named where you may list pods and services.`,
		Example: `  # Who talks to whom in the pods of a deployment
  kubectl trace-sec net deploy/web
  # Who leaves the cluster, or reaches for the cloud's metadata
  kubectl trace-sec net -A --not-to 10.0.0.0/8 --not-to fd00::/8 --op connect,udp
  # What a script on this machine offers, and on which ports
  sudo kubectl-trace_sec net --listen --local -- ./suspect.sh`,
		Title: "Network", Flags: flags,
		Groups: trace.BehindOwn, PrintsPolicy: true,
		Work: f.work,
	})
	_ = cmd.RegisterFlagCompletionFunc("op", cluster.Words(netOperationNames()...))
	return cmd
}

// work is the connections and messages that are asked for.
func (f *netOptions) work(r trace.Request) (trace.Work, error) {
	asked, err := f.net()
	return trace.Work{
		Targets: r.Args, Composed: []compose.Policy{asked.Policy()}, OwnWords: true,
		Enrich: func(ctx context.Context, client kubernetes.Interface, say func(event.Level, string)) pipeline.Stage {
			var names traffic.Names
			if client != nil {
				known := address.New(ctx, client, func(text string) { say(event.LevelWarning, text) })
				known.Start()
				names = known.Lookup
			}
			return traffic.NewConnectionTracker(asked, names)
		},
	}, err
}

func (f *netOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringArrayVar(&f.to, "to", nil, "Only where the other end is in this `CIDR` (10.0.0.0/8, ::1); repeatable")
	fs.StringArrayVar(&f.notTo, "not-to", nil, "Only where the other end is not in this `CIDR`; repeatable")
	fs.StringSliceVar(&f.ports, "port", nil, "Only these `PORTS` (443,8000-8080): that is connected or sent to, or listened on")
	fs.BoolVar(&f.listen, "listen", false, "Only what servers do: listen, and accept")
	fs.StringSliceVar(&f.operations, "op", nil, "`OPERATIONS` of "+strings.Join(netOperationNames(), ",")+" (default all but udp, which is every message)")
	return fs
}

func netOperationNames() (names []string) {
	for _, o := range compose.NetOperations() {
		names = append(names, o.Name)
	}
	return names
}

// net is what the flags ask for; the error is everything that is wrong with them.
func (f *netOptions) net() (n compose.Net, err error) {
	var errs []error
	n.To, errs = prefixes("to", f.to, errs)
	n.NotTo, errs = prefixes("not-to", f.notTo, errs)
	for _, text := range f.ports {
		p, err := portRange(text)
		n.Ports, errs = append(n.Ports, p), append(errs, err)
	}
	n.Operations, err = f.chosen()
	if err := errors.Join(append(errs, err)...); err != nil {
		return n, err
	}
	if len(n.Policy().Kprobes) == 0 {
		return n, f.nothing()
	}
	return n, nil
}

// nothing says why the flags together ask for nothing that could ever be seen.
func (f *netOptions) nothing() error {
	if len(f.to)+len(f.notTo) > 0 && !slices.Contains(f.operations, "dns") {
		return errors.New("who listens has no other end yet: leave out --to and --not-to, or add --op accept")
	}
	return fmt.Errorf("name servers listen on port %d: --port %s leaves nothing of --op %s", compose.DNSPort, strings.Join(f.ports, ","), strings.Join(f.operations, ","))
}

// chosen are the operations to watch.
func (f *netOptions) chosen() (names []string, err error) {
	if f.listen && len(f.operations) > 0 {
		return nil, errors.New("--listen and --op exclude each other: --listen is --op listen,accept")
	}
	for _, o := range compose.NetOperations() {
		if !o.Asked && (o.Listens || !f.listen) {
			names = append(names, o.Name)
		}
	}
	if len(f.operations) == 0 {
		return names, nil
	}
	return f.operations, checkOperations(f.operations, netOperationNames())
}

// prefixes reads addresses and ranges of them.
func prefixes(flag string, values []string, errs []error) ([]netip.Prefix, []error) {
	var all []netip.Prefix
	for _, text := range values {
		p, err := prefix(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s %q: %w", flag, text, err))
		}
		all = append(all, p)
	}
	return all, errs
}

func prefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		if a.Zone() != "" {
			return netip.Prefix{}, errors.New("an address with a zone is of one machine: leave out what follows the %")
		}
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, errors.New("want an address (10.1.2.3, 2001:db8::1) or a range of them (10.0.0.0/8)")
	case p.Addr().Is4In6():
		return p, errors.New("want a range of IPv4 as such: 10.0.0.0/8")
	case p != p.Masked():
		return p, fmt.Errorf("the range is %s, or the address alone %s", p.Masked(), p.Addr())
	}
	return p, nil
}

// portRange reads N or N-M.
func portRange(text string) (compose.Ports, error) {
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 16)
	to, toErr := strconv.ParseUint(last, 10, 16)
	switch {
	case err != nil || toErr != nil || from == 0:
		return compose.Ports{}, fmt.Errorf("--port %q: want a port from 1 to 65535, or a range of them (8000-8080)", text)
	case from > to:
		return compose.Ports{}, fmt.Errorf("--port %q: the first port is above the last", text)
	}
	return compose.Ports{First: uint16(from), Last: uint16(to)}, nil
}
