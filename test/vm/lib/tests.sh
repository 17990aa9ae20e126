# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # main's variables: kernels, packages, run, jobs
#
# The tests of Go packages in guests. What they need of their package is laid out as here: the test runs in the package's folder,
# with its testdata. The programs that testdata/Makefile builds are built beforehand ($TRACE_SEC_TEST_PROGRAMS), and $CC stands in
# for a compiler.

run_tests() {
	local kernel reports=() status=0
	((${#packages[@]})) || mapfile -t packages < <(grep -v '^#' "$HERE/packages")
	: "${TIMEOUT:=$(default_timeout tests)}"
	say "building the tests of ${packages[*]}"
	mkdir "$RUN/payload"
	tests_build "$RUN/payload" || die "the tests do not build"
	(cd "$HERE/../.." && go build -o "$RUN/report" ./test/vm/report)
	for kernel in "${kernels[@]}"; do
		reports+=("$kernel=$RUN/$kernel")
		while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
		tests_boot "$kernel" "$RUN/$kernel" &
	done
	wait
	"$RUN/report" "${reports[@]}" || status=$?
	exit $status
}

# tests_boot KERNEL DIR: what the report reads
tests_boot() {
	mkdir -p "$2"
	ln -s ../payload "$2/payload"
	say "kernel $1: started"
	SECONDS=0
	boot "$1" "$2" </dev/null 2>"$2/qemu"
	echo "$SECONDS" >"$2/seconds"
	say "kernel $1: ended after $SECONDS s"
}

# tests_build PAYLOAD
tests_build() {
	local payload=$1 list import folder relative options=()
	cd "$HERE/../.." || return
	mkdir -p "$payload"/{vm,programs,usr/bin}
	CGO_ENABLED=0 go build -ldflags=-w -o "$payload/vm/test2json" cmd/test2json || return
	install -m 0755 "$HERE/guest/cc" "$payload/vm/cc"
	list=$(CGO_ENABLED=0 go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' "${packages[@]}") || return
	[[ -n $list ]] || die "no package of ${packages[*]} has tests"
	[[ -z $run ]] || options=("-test.run=$run")
	echo / >"$payload/vm/folder"
	cat >"$payload/vm/run" <<-'T'
		export CC=/vm/cc TRACE_SEC_KERNEL_TIER=full
		code=0
		# 1: tests failed, which the output tells
		run_package() { /vm/test2json -t -p "$1" ./package.test "${@:2}" || (($? == 1)) || code=2; }
	T
	while read -r import folder; do
		[[ -n $import ]] || continue
		relative=/src${folder#"$PWD"}
		mkdir -p "$payload$relative"
		CGO_ENABLED=0 go test -c -ldflags=-w -o "$payload$relative/package.test" "$import" || return
		[[ ! -d $folder/testdata ]] || cp -a "$folder/testdata" "$payload$relative/"
		[[ ! -e $folder/testdata/Makefile ]] || {
			mkdir -p "$payload/programs$relative"
			make -s -C "$folder/testdata" BUILD="$payload/programs$relative" || return
		}
		printf 'cd %q; export TRACE_SEC_TEST_PROGRAMS=%q; run_package %q %s\n' \
			"$relative" "/programs$relative" "$import" \
			"-test.v=test2json -test.short -test.paniconexit0 -test.timeout=$((TIMEOUT * 3 / 4))s ${options[*]@Q}" >>"$payload/vm/run"
	done <<<"$list"
	# shellcheck disable=SC2016 # the guest's
	echo 'exit $code' >>"$payload/vm/run"
}
