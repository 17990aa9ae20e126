# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# How the scripts call Go: with the same settings everywhere, so that a package is compiled once for builds, tests and guests. (The
# Kubernetes client alone takes three minutes of a processor.)

export CGO_ENABLED=0
[[ " ${GOFLAGS:-} " == *" -trimpath "* ]] || export GOFLAGS="${GOFLAGS:+$GOFLAGS }-trimpath"

# packages_with_tests: all, as ./folder, without the end-to-end tests
packages_with_tests() {
	go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | sed "s#^$(go list -m)/#./#" | grep -v '^./test/e2e'
}

# root_packages: the packages with tests that need root
root_packages() { sed -n 's#^\(\./[^ ]*\).*#\1#p' test/root-tests; }

# root_tests PACKAGE: the expression that their names match, empty if all of the package's do
root_tests() { awk -v package="$1" '$1 == package { print $2 }' test/root-tests; }
