#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Format and common mistakes: gofmt and golangci-lint (with go vet; .golangci.yml), shellcheck (.shellcheckrc), clang-format (.clang-format).
# Goes on after a failure, and says at the end what failed.
set -euo pipefail
cd "$(dirname "$0")/.."
. ./test/lib/go.sh

GOLANGCI=v2.15.0
CLANG_FORMAT=clang-format-14
tools=$(realpath -m "${TRACE_SEC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trace-sec}")/bin
failed=()

# check NAME COMMAND...
check() {
	local began=$EPOCHSECONDS name=$1
	shift
	if "$@"; then echo "lint: $name: ok, $((EPOCHSECONDS - began)) s"; else echo "lint: $name: FAILED" && failed+=("$name"); fi
}

sources() { git ls-files -co --exclude-standard -- "$@" | while read -r file; do [[ ! -f $file ]] || echo "$file"; done; }

go_format() {
	local wrong
	wrong=$(sources '*.go' | xargs gofmt -l)
	[[ -z $wrong ]] || { echo "not as gofmt has it:" && echo "$wrong" && return 1; }
}

# Built once, outside of this module, so that none of what it needs is in go.mod
golangci() {
	local program=$tools/golangci-lint-$GOLANGCI
	if [[ ! -x $program ]]; then
		echo "lint: building golangci-lint $GOLANGCI, which takes some minutes"
		mkdir -p "$tools"
		(cd / && GOBIN=$tools/golangci.new go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$GOLANGCI") || return
		mv "$tools/golangci.new/golangci-lint" "$program" && rm -r "$tools/golangci.new"
	fi
	"$program" run --allow-parallel-runners
}

# Scripts by their first line, and what they source
scripts() {
	sources '*.sh' ':!test/cluster/images'
	sources ':!*.sh' ':!*.go' ':!test/cluster/images' | while read -r file; do
		if [[ $(head -c 64 "$file" | tr -d '\0') =~ ^'#!'[^$'\n']*sh($|[^a-z]) ]]; then echo "$file"; fi
	done
}
shell_scripts() { scripts | xargs shellcheck --external-sources; }
c_format() { sources 'bpf/*.c' 'bpf/*.h' 'pkg/plugin/carry/*.c' 'pkg/plugin/carry/*.h' | xargs "$CLANG_FORMAT" --dry-run --Werror; }

for program in shellcheck "$CLANG_FORMAT"; do
	command -v "$program" >/dev/null || { echo "lint: there is no $program: test/tools.sh installs it (Debian's package $program)" >&2 && exit 1; }
done
check gofmt go_format
check shellcheck shell_scripts
check "$CLANG_FORMAT" c_format
check golangci-lint golangci
((${#failed[@]} == 0)) || { echo "lint: FAILED: ${failed[*]}" >&2 && exit 1; }
