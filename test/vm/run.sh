#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# The cluster's ways to a cache, to Debian's packages and to QEMU
# shellcheck source=test/cluster/lib/common.sh
. "$HERE/../cluster/lib/common.sh"
# shellcheck source=test/cluster/lib/install.sh
. "$HERE/../cluster/lib/install.sh"
# shellcheck source=test/cluster/lib/vm-install.sh
. "$HERE/../cluster/lib/vm-install.sh"
# shellcheck source=test/lib/go.sh
. "$HERE/../lib/go.sh"
# shellcheck source=test/vm/lib/kernels.sh
. "$HERE/lib/kernels.sh"
# shellcheck source=test/vm/lib/guest.sh
. "$HERE/lib/guest.sh"
# shellcheck source=test/vm/lib/boot.sh
. "$HERE/lib/boot.sh"
# shellcheck source=test/vm/lib/shell.sh
. "$HERE/lib/shell.sh"
# shellcheck source=test/vm/lib/tests.sh
. "$HERE/lib/tests.sh"
MATRIX=$CACHE/vm
REFRESH='' BPF_LSM=1 TIMEOUT=''

say() { echo "vm: $*" >&2; }

usage() {
	cat <<-T
		The tests of Go packages, or one command, in virtual machines with Debian's kernels: one emulated processor each.

		  test/vm/run.sh [--kernel NAME,...] [--package PATTERN]... [-run REGEX] [--jobs 2] [OPTION]...
		      Build the packages' tests (default: those in test/vm/packages), run them under each kernel, print a table and
		      what the failures say. Exits 1 unless everything passed everywhere.
		  test/vm/run.sh --shell NAME [--with PATH]... [OPTION]... [-- COMMAND [ARG]...]
		      Run one command, with its output, errors and exit code; without one: a shell on the guest's console.
		      --with PATH   a file, or what a folder holds, for the guest's folder /with: the working directory, and first in \$PATH

		  --kernel, --shell  the start of a version, or \`newest\` (default: $DEFAULT_KERNELS)
		  --refresh          look for newer Debian packages of these kernels
		  --no-bpf-lsm       a kernel whose LSMs do not include bpf
		  --timeout SECONDS  for one guest (default: $(default_timeout tests), with --shell $(default_timeout shell), a shell on the console: none)
		  --console          show the console too, on standard error

		  test/vm/run.sh --shell 6.12 -- uname -a
		  test/vm/run.sh --shell 6.1 --with ./bin -- kubectl-trace_sec exec --local -- true
		  test/vm/run.sh --shell newest -- sh -c 'mount; ls /sys/fs/cgroup | head'
		  test/vm/run.sh --kernel 6.1 --package ./pkg/tracer/process -run TestTable

		In the guest: bash, dash, coreutils, strace, make, busybox; cgroup v2, tracefs, securityfs, debugfs, bpffs; /tmp is a tmpfs,
		/var is ext4, / is the initramfs; lo, and no other network. See test/vm/README.md.
	T
}

default_timeout() { case $1 in shell) echo 120 ;; tests) echo 1800 ;; esac }

main() {
	local kernels=$DEFAULT_KERNELS shell='' jobs=1 run='' packages=() with=() command=() console=''
	while (($#)); do
		case $1 in
		--kernel | --shell | --with | --package | --jobs | --timeout | -run | --run)
			(($# > 1)) || die "$1 needs a value; see --help"
			case $1 in
			--kernel) kernels=$2 ;;
			--shell) shell=$2 ;;
			--with) with+=("$2") ;;
			--package) packages+=("$2") ;;
			--jobs) jobs=$2 ;;
			--timeout) TIMEOUT=$2 ;;
			*) run=$2 ;;
			esac
			shift
			;;
		--refresh) REFRESH=1 ;;
		--no-bpf-lsm) BPF_LSM='' ;;
		--console) console=1 ;;
		-h | --help) usage && exit ;;
		--)
			shift
			command=("$@")
			break
			;;
		*) die "what is $1? See --help" ;;
		esac
		shift
	done
	[[ -n $shell || -z ${with[*]}${command[*]} ]] || die "--with and a command need --shell KERNEL"
	[[ -z $shell || -z ${packages[*]}$run ]] || die "--package and -run do not go with --shell"
	[[ $jobs =~ ^[1-9]$ ]] || die "--jobs $jobs: a small number is wanted"
	[[ -z $TIMEOUT || $TIMEOUT =~ ^[1-9][0-9]*$ ]] || die "--timeout $TIMEOUT: whole seconds are wanted"
	mapfile -t kernels < <(tr , '\n' <<<"${shell:-$kernels}")

	"$HERE/../lib/machine.sh" debian go
	install_for "${kernels[@]}"
	find "$MATRIX" -maxdepth 1 -name 'run.*' -mtime +0 -exec rm -rf {} + # of runs that were killed a day ago
	RUN=$(mktemp -d "$MATRIX/run.XXXXXX")
	trap cleanup EXIT
	if [[ -n $shell ]]; then
		run_shell "$shell"
	else
		run_tests
	fi
}

# However this ends, QEMU ends with it: see boot.
cleanup() {
	local pids
	mapfile -t pids < <(jobs -p)
	((${#pids[@]} == 0)) || { kill "${pids[@]}" && wait; } 2>/dev/null || true
	rm -rf "$RUN"
}

# install_for KERNEL...: what is missing in the cache, one process at a time
install_for() {
	local kernel
	mkdir -p "$MATRIX"
	(
		exec 8>"$MATRIX/lock"
		flock 8
		vm_install_qemu
		guest_install
		for kernel; do kernel_install "$kernel"; done
	)
}

main "$@"
