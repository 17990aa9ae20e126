# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The cluster that a script works on: $KUBECONFIG's, or the project's own. One that was up before is used and left up.

# cluster_begin UP_OPTION...: set and export KUBECONFIG, and start what is missing of the project's own cluster
cluster_begin() {
	local cache=${TRACE_SEC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trace-sec}
	cluster_started='' cluster_own=''
	[[ -z ${KUBECONFIG:-} ]] || return 0
	cluster_own=1
	if ! timeout 5 "$cache/bin/kubectl" --kubeconfig "$cache/cluster/kubeconfig" get --raw /readyz >/dev/null 2>&1; then
		cluster_started=all
	elif [[ " $* " == *" --vm "* && ! -e $cache/cluster/vm1 ]]; then
		cluster_started=vm
	fi
	KUBECONFIG=$(./test/cluster/up.sh "$@" | tee -a /dev/stderr | tail -n 1) || return
	export KUBECONFIG PATH=$cache/bin:$PATH # for kubectl
}

# cluster_load_tracer: bring bin/tracer-image.tar to the nodes of the project's own cluster
cluster_load_tracer() {
	[[ -z ${cluster_own:-} ]] || ./test/cluster/load-image.sh bin/tracer-image.tar
}

# cluster_end: stop what cluster_begin has started
cluster_end() {
	case ${cluster_started:-} in
	all) ./test/cluster/down.sh ;;
	vm) ./test/cluster/down.sh --vm-only ;;
	esac
}
