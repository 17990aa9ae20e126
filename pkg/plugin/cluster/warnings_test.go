// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// An API server warns: once is enough, nothing of it steers the terminal, and a session has it on its own screen.
func TestWarnings(t *testing.T) {
	warning := "299 - \"old \\\"API\\\"\u202e\""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Warning"] = []string{warning, `199 - "another code"`}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"apiVersion": "v1", "kind": "NamespaceList", "items": []}`)
	}))
	defer server.Close()
	t.Setenv("KUBECONFIG", "/nonexistent")
	var errOut bytes.Buffer
	c := New(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &errOut, ErrOut: &errOut}, "v1")
	*c.Config.APIServer = server.URL
	connection, err := c.Connect()
	if err != nil {
		t.Fatal(err)
	}
	list := func() {
		t.Helper()
		if _, err := connection.Client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	list()
	list()
	if got, want := errOut.String(), "warning: old \"API\"\\u202e\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var said []string
	c.OnWarning(func(text string) { said = append(said, text) })
	list()
	warning = `299 - "new"`
	list()
	for i := range 2 * mostWarnings {
		warning = fmt.Sprintf(`299 - "%d"`, i)
		list()
	}
	if !slices.Equal(said[:1], []string{"new"}) || len(said) != mostWarnings-1 || strings.Count(errOut.String(), "\n") != 1 {
		t.Errorf("%q, and on stderr %q", said, errOut.String())
	}
}
