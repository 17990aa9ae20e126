# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Stages of a test run. Each is a program, and is timed; its failure does not hide the stages after it. What a stage in the background
# prints is kept until its result is asked for. The table at the end has all of them, however the run ends, and what those that failed
# printed about it: who reads only the end of a log sees why. It is also written to the file that STAGES_REPORT names, with what stages
# in the background printed.

STAGES_FOLDER=$(mktemp -d)
declare -A stage_job=() stage_state=() stage_seconds=() stage_log=()
stage_names=()
stages_began=$EPOCHSECONDS

# stage NAME COMMAND...: run it and note how it ended. Never fails itself: stages_end does.
stage() {
	local name=$1 log=$STAGES_FOLDER/${#stage_names[@]} began=$EPOCHSECONDS code=0
	shift
	stage_begins "$name" ""
	if declare -F "$1" >/dev/null; then # it may set variables
		"$@" || code=$?
	else
		{ "$@" 2>&1 || code=$?; } > >(tee "$log")
		wait "$!" || true
	fi
	stage_log[$name]=$log
	stage_ends "$name" "$code" $((EPOCHSECONDS - began))
}

# needed NAME COMMAND...: a stage without which there is no point in going on
needed() {
	stage "$@"
	succeeded "$1" || exit 1
}

# in_background NAME COMMAND...: start a stage that has less claim to the processors than those in the foreground
in_background() {
	local name=$1 log=$STAGES_FOLDER/${#stage_names[@]}
	shift
	stage_begins "$name" ", in the background"
	set -m # a process group of its own, which stages_end can end as a whole
	(
		began=$EPOCHSECONDS code=0
		nice -n 5 "$@" || code=$?
		echo "$code $((EPOCHSECONDS - began))" >"$log.result"
	) </dev/null >"$log" 2>&1 &
	stage_job[$name]="$! $log"
	set +m
}

# result_of NAME: wait for a stage in the background, and print what it printed
result_of() {
	local name=$1 pid log code=1 seconds=0
	read -r pid log <<<"${stage_job[$name]}"
	wait "$pid" || true
	unset "stage_job[$name]"
	stage_log[$name]=$log
	printf '\n== %s: what it printed\n' "$name"
	tee -a "$STAGES_FOLDER/printed" <"$log"
	[[ ! -s $log.result ]] || read -r code seconds <"$log.result"
	stage_ends "$name" "$code" "$seconds"
}

# impossible NAME WHY: a stage that can't be run, which fails the run
impossible() {
	stage_begins "$1" ""
	echo "$2" >&2
	stage_ends "$1" 1 0
}

succeeded() { [[ ${stage_state[$1]:-} == ok ]]; }

stage_begins() {
	stage_names+=("$1")
	stage_state[$1]='NOT ENDED'
	printf '\n== %s%s\n' "$1" "$2"
}

# stage_ends NAME CODE SECONDS
stage_ends() {
	stage_state[$1]=ok
	[[ $2 == 0 ]] || stage_state[$1]="FAILED ($2)"
	stage_seconds[$1]=$3
	printf '== %s: %s after %d s\n' "$1" "${stage_state[$1]}" "$3"
}

# stages_end CODE, for a trap on EXIT: end what is in the background, print the table, and exit with CODE, or 1 if a stage failed.
stages_end() {
	local code=$1 name pid
	trap - EXIT
	for name in "${!stage_job[@]}"; do
		read -r pid _ <<<"${stage_job[$name]}"
		if kill -- "-$pid"; then wait "$pid" || true; fi
	done 2>/dev/null
	for name in "${stage_names[@]}"; do succeeded "$name" || code=1; done
	stages_table
	if [[ -n ${STAGES_REPORT:-} ]]; then
		{ stages_table && printf '\n' && cat "$STAGES_FOLDER/printed"; } >"$STAGES_REPORT" 2>/dev/null || true
		echo "report: $STAGES_REPORT"
	fi
	rm -rf "$STAGES_FOLDER"
	exit "$code"
}

stages_table() {
	local name failed=()
	printf '\n%-56s %8s  %s\n' STAGE SECONDS RESULT
	for name in "${stage_names[@]}"; do
		printf '%-56s %8s  %s\n' "$name" "${stage_seconds[$name]:--}" "${stage_state[$name]}"
		succeeded "$name" || failed+=("$name")
	done
	printf '%-56s %8s\n' "all, some of them side by side" $((EPOCHSECONDS - stages_began))
	((${#failed[@]} == 0)) && return
	printf '\nThe run has failed:\n'
	for name in "${failed[@]}"; do
		printf '  %s: %s\n' "$name" "${stage_state[$name]}"
		stage_failures "$name"
	done
}

# stage_failures NAME: of what a failed stage printed the lines that say why, else its last ones
stage_failures() {
	local log=${stage_log[$1]:-} said
	[[ -s $log ]] || return 0
	said=$(grep -aE -A 4 -- '--- FAIL|^panic:|FAILED|: error|[0-9]+ failed' "$log" | tail -n 24) || true
	printf '%s\n' "${said:-$(tail -n 12 "$log")}" | cut -c 1-200 | sed 's/^/    /'
}
