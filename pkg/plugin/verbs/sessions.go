// SPDX-License-Identifier: Apache-2.0

package verbs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/trace"
)

// Sessions lists what runs.
func Sessions(env trace.Environment) *cobra.Command {
	o := sessionsOptions{Environment: env}
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "List the sessions on the cluster: whose they are, on how many nodes they trace, and until when",
		Long: `List the sessions whose tracer pods are in the tracer namespace: those of commands that run, those that trace by themselves
(--detach), and what others left. Names and commands are what the pods say of themselves.`,
		Example: `  # All of them
  kubectl trace-sec sessions
  # For a program
  kubectl trace-sec sessions -o json
  # In a namespace that sessions were told to use
  kubectl trace-sec sessions --tracer-namespace forensics`,
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().StringVar(&o.namespace, "tracer-namespace", launch.DefaultNamespace, "`NAMESPACE` of the tracer pods")
	cmd.Flags().StringVarP(&o.format, "output", "o", "", "json or name (default a table)")
	_ = cmd.RegisterFlagCompletionFunc("tracer-namespace", env.Cluster.Complete(cluster.Namespaces))
	_ = cmd.RegisterFlagCompletionFunc("output", cluster.Words("json", "name"))
	return cmd
}

type sessionsOptions struct {
	trace.Environment
	namespace, format string
}

func (o *sessionsOptions) run(ctx context.Context) error {
	if problems := validation.IsDNS1123Label(o.namespace); len(problems) > 0 {
		return fmt.Errorf("--tracer-namespace %q is not a name: %s", o.namespace, problems[0])
	}
	print, known := map[string]func(io.Writer, []launch.Session, time.Time) error{
		"": sessionTable, "json": sessionsAsJSON, "name": sessionNames,
	}[o.format]
	if !known {
		return fmt.Errorf("-o %q: want json or name, or none for a table", o.format)
	}
	connection, err := o.Cluster.Connect()
	if err != nil {
		return err
	}
	found, err := launch.Sessions(ctx, connection.Client, o.namespace)
	if err != nil {
		return err
	}
	if len(found) == 0 && o.format == "" {
		fmt.Fprintf(o.ErrOut, "no session in namespace %s\n", o.namespace)
		return nil
	}
	return print(o.Out, found, time.Now())
}

// sessionState is one word on what a session does.
func sessionState(s *launch.Session, now time.Time) string {
	switch tracing := s.Tracing(now); {
	case tracing > 0 && s.Detached():
		return "detached"
	case tracing > 0:
		return "attached"
	}
	for i := range s.Pods {
		if launch.Starting(&s.Pods[i]) {
			return "starting"
		}
	}
	return "ended"
}

const noValue = "-"

func sessionTable(out io.Writer, found []launch.Session, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "SESSION\tSTATE\tNODES\tENFORCES\tUSER\tAGE\tENDS IN\tCOMMAND")
	for i := range found {
		s := &found[i]
		ends, enforces := noValue, "no"
		if s.Detached() && s.Ends.After(now) {
			ends = duration.HumanDuration(s.Ends.Sub(now))
		}
		if s.Enforces {
			enforces = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%d/%d\t%s\t%s\t%s\t%s\t%s\n", s.ID, sessionState(s, now), s.Tracing(now), len(s.Pods), enforces,
			orNone(s.User), duration.HumanDuration(now.Sub(s.Began)), ends, orNone(s.Command))
	}
	return table.Flush()
}

// orNone is a text from a pod, fit for a terminal.
func orNone(text string) string {
	if text == "" {
		return noValue
	}
	return terminal.Sanitize(text)
}

// sessionJSON is one session in JSON.
type sessionJSON struct {
	Session string `json:"session"`
	// State is attached, detached, starting or ended.
	State    string `json:"state"`
	Command  string `json:"command,omitempty"`
	User     string `json:"user,omitempty"`
	Enforces bool   `json:"enforces"`
	// Began and Ends are UTC; without Ends the session ends with its command.
	Began time.Time  `json:"began"`
	Ends  *time.Time `json:"ends,omitempty"`
	// Nodes that have a tracer pod, and those of them that are traced.
	Nodes            []string `json:"nodes"`
	Tracing          int      `json:"tracing"`
	TargetNamespaces []string `json:"target_namespaces,omitempty"`
}

func sessionsAsJSON(out io.Writer, found []launch.Session, now time.Time) error {
	encoder := json.NewEncoder(out)
	for i := range found {
		s := &found[i]
		document := sessionJSON{Session: s.ID, State: sessionState(s, now), Command: s.Command, User: s.User, Enforces: s.Enforces,
			Began: s.Began.UTC(), Tracing: s.Tracing(now), TargetNamespaces: s.TargetNamespaces}
		if s.Detached() {
			ends := s.Ends.UTC()
			document.Ends = &ends
		}
		for i := range s.Pods {
			document.Nodes = append(document.Nodes, s.Pods[i].Spec.NodeName)
		}
		if err := encoder.Encode(document); err != nil {
			return err
		}
	}
	return nil
}

func sessionNames(out io.Writer, found []launch.Session, _ time.Time) error {
	for i := range found {
		if _, err := fmt.Fprintln(out, found[i].ID); err != nil {
			return err
		}
	}
	return nil
}
