// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/compose"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/help"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// hookOptions say where a hook is and what is told of it.
type hookOptions struct {
	place                     string
	arguments, matches, stack []string
	returned, rateLimit       string
}

// Hook shows calls of one function, system call, tracepoint or place in a program.
func Hook(env trace.Environment) *cobra.Command {
	var h hookOptions
	cmd := trace.Command(env, trace.Verb{
		Use:   "hook PLACE [POD | TYPE/NAME]... [--local [-- COMMAND [ARG]...]]",
		Short: "Show the calls of a function of the kernel or of a program, a system call or a tracepoint",
		Long: `Show the calls of one PLACE:
  sys_NAME, [kprobe:]FUNCTION of the kernel, lsm:HOOK, tracepoint:SUBSYSTEM/EVENT, raw_tracepoint:SUBSYSTEM/EVENT,
  uprobe:/PATH:FUNCTION (also +OFFSET in the file, 0xADDRESS), usdt:/PATH:PROVIDER:NAME, by the path in the container`,
		Example: `  # Who connects to where
  kubectl trace-sec hook tcp_connect --arg 0:sock deploy/web
  # Who opens what below two folders for writing or as a device, each file once in five seconds
  kubectl trace-sec hook lsm:file_open --arg 0:file --match 0:Prefix:/etc/,/dev/ --rate-limit 5s deploy/web
  # What is typed at a shell of this machine
  sudo kubectl-trace_sec hook uprobe:/bin/bash:readline --return string --local`,
		Title: "Hook", Flags: h.flags(),
		Groups: trace.BehindOwn, PrintsPolicy: true,
		Work: h.work,
	})
	_ = cmd.RegisterFlagCompletionFunc("stack", cluster.Words(compose.Stacks...))
	return cmd
}

// work is one hook, whose place is the first argument.
func (h *hookOptions) work(r trace.Request) (trace.Work, error) {
	w := trace.Work{OwnWords: true, Every: true, Arguments: true}
	if len(r.Args) > 0 {
		h.place, w.Targets = r.Args[0], r.Args[1:]
	}
	p, err := h.policy(!r.Local)
	w.Composed = []compose.Policy{p}
	return w, err
}

func (h *hookOptions) flags() *pflag.FlagSet {
	fs := help.NewFlags()
	fs.StringArrayVar(&h.arguments, "arg", nil, "Show the argument at this place, `INDEX:TYPE[:LABEL]`, the first is 0; repeatable")
	fs.StringVar(&h.returned, "return", "", "Show the returned value, of this `TYPE`")
	fs.StringArrayVar(&h.matches, "match", nil, "Only if `INDEX:OPERATOR:VALUE[,VALUE]` of --arg, or return:OPERATOR:VALUE, holds; repeatable: all must")
	fs.StringSliceVar(&h.stack, "stack", nil, "Show stack traces: `LIST` of "+strings.Join(compose.Stacks, ", "))
	fs.StringVar(&h.rateLimit, "rate-limit", "", "Show the same call once in this `TIME` (5s, 1m)")
	return fs
}

var errNoPlace = errors.New("hook what? sys_ptrace, tcp_connect, lsm:file_open, tracepoint:sched/sched_switch, uprobe:/bin/bash:readline, …")

// policy writes the policy; inPods: programs are those of pods. Its error is everything that is wrong with the flags.
func (h *hookOptions) policy(inPods bool) (compose.Policy, error) {
	if h.place == "" {
		return compose.Policy{}, errNoPlace
	}
	for _, text := range slices.Concat([]string{h.place, h.returned, h.rateLimit}, h.arguments, h.matches) {
		if !utf8.ValidString(text) {
			return compose.Policy{}, fmt.Errorf("hook: %q is not UTF-8, and can't be in a policy", text)
		}
	}
	hook, err := compose.NewAdHoc(h.place)
	if err != nil {
		return compose.Policy{}, fmt.Errorf("hook %s: %w", h.place, err)
	}
	var errs []error
	note := func(flag, value string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s %s: %w", flag, value, err))
		}
	}
	for _, a := range h.arguments {
		note("arg", a, hook.Argument(a))
	}
	if h.returned != "" {
		note("return", h.returned, hook.Return(h.returned))
	}
	for _, word := range h.stack {
		note("stack", word, hook.Stack(word))
	}
	if len(errs) == 0 { // they refer to those before
		for _, m := range h.matches {
			note("match", m, hook.Match(m))
		}
	}
	hook.RateLimit(h.rateLimit)
	if inPods {
		hook.InContainers()
	}
	p := hook.Policy()
	if len(errs) == 0 {
		errs = append(errs, h.check(p))
	}
	return p, errors.Join(errs...)
}

// check has the policy read, whose rules are about more than a flag alone can know, and words its problems as the flags'.
func (h *hookOptions) check(p compose.Policy) error {
	text, err := compose.YAML(p)
	if err != nil {
		return err
	}
	_, err = policy.Parse("<hook>", strings.NewReader(string(text)))
	var problems policy.Problems
	if !errors.As(err, &problems) {
		return err
	}
	var errs []error
	for _, problem := range problems {
		errs = append(errs, fmt.Errorf("%s: %s", h.flagOf(problem.Path), problem.Message))
	}
	return errors.Join(errs...)
}

// fieldPath finds lists of a policy in the path of a field.
var fieldPath = regexp.MustCompile(`\.(args|matchArgs|matchReturnArgs)\[(\d+)\]|\.(returnArg|return|rateLimit)\b`)

// flagOf is the flag that a field of the policy was made of.
func (h *hookOptions) flagOf(field string) string {
	m := fieldPath.FindStringSubmatch(field)
	if m == nil {
		return "hook " + h.place
	}
	var arguments, returned []string
	for _, match := range h.matches {
		if strings.HasPrefix(match, "return:") {
			returned = append(returned, match)
		} else {
			arguments = append(arguments, match)
		}
	}
	switch n, _ := strconv.Atoi(m[2]); {
	case m[1] == "args":
		return "--arg " + h.arguments[n]
	case m[1] == "matchArgs":
		return "--match " + arguments[n]
	case m[1] == "matchReturnArgs":
		return "--match " + returned[n]
	case m[3] == "rateLimit":
		return "--rate-limit " + h.rateLimit
	}
	return "--return " + h.returned
}
