// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

// TestGolden compares the models of policies that use every construct, with their positions, to what was reviewed.
func TestGolden(t *testing.T) {
	for _, name := range []string{"kernel.yaml", "programs.json", "dialects.yaml"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name)
			file, err := Load([]string{path}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			file.Texts = nil // the file itself
			var b strings.Builder
			dump(&b, reflect.ValueOf(*file), "")
			golden.Check(t, path+".golden", b.String())
		})
	}
}

// dump writes what is set in a model, one value in a line.
func dump(b *strings.Builder, v reflect.Value, indent string) {
	switch {
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct && v.Type() != reflect.TypeFor[*ArgumentType]() && v.Type().Elem().PkgPath() == reflect.TypeFor[Policy]().PkgPath():
		dump(b, v.Elem(), indent)
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[Call]() && v.Type().PkgPath() == reflect.TypeFor[Policy]().PkgPath():
		fmt.Fprintln(b)
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if at, ok := reflect.TypeAssert[Position](v.Field(i)); ok && f.Anonymous {
				fmt.Fprintf(b, "%sat %d:%d %s\n", indent, at.Line, at.Column, at.Path)
			} else if f.Anonymous || !v.Field(i).IsZero() || f.Name == "Kind" || f.Name == "Element" && v.NumField() == 2 && v.Field(0).IsZero() {
				fmt.Fprintf(b, "%s%s:", indent, f.Name)
				dump(b, v.Field(i), indent+"  ")
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		fmt.Fprintln(b)
		for i := range v.Len() {
			fmt.Fprintf(b, "%s-", indent)
			dump(b, v.Index(i), indent+"  ")
		}
	case v.Type() == reflect.TypeFor[Call]():
		fmt.Fprintf(b, " %s\n", v.Interface())
	default:
		fmt.Fprintf(b, " %v\n", v.Interface())
	}
}
