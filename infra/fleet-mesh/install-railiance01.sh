#!/usr/bin/env bash
# Installs the fleet's tunnels on railiance01: unit files, the reference tunnels.yaml, the fleet's
# SSH key, and the pinned host key of coulombcore. It enables the units and starts nothing: the
# cutover does that. Run it on the workstation; it can be run again, and says what it changed.
#
#   bash infra/fleet-mesh/install-railiance01.sh railiance01
set -euo pipefail

readonly coulombcore=92.205.130.254
assets=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly assets
readonly identity=$HOME/.ssh/id_ops
readonly known_hosts=$HOME/.ssh/known_hosts

fail() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}

[[ $# -eq 1 && $1 != -* ]] || fail "usage: bash $0 HOST   (an SSH name of railiance01)"
readonly target=$1
units=("$assets"/systemd/*.service)
[[ -e ${units[0]} ]] || fail "no unit files in $assets/systemd"
[[ -r $identity && -r $identity.pub ]] || fail "the fleet's key is missing here: $identity, $identity.pub"

# One connection for everything. Whatever shell one logs in to there, sh reads the command, which has
# no single quote.
control=$(mktemp -d)
# shellcheck disable=SC2029
remote() { ssh -o BatchMode=yes -o ConnectTimeout=10 -S "$control/ssh" "$target" "sh -c '$*'"; }
close() {
    ssh -S "$control/ssh" -O exit "$target" 2>/dev/null || true
    rm -rf "$control"
}
trap close EXIT
ssh -o BatchMode=yes -o ConnectTimeout=10 -o ControlPersist=60 -M -f -N -S "$control/ssh" "$target" ||
    fail "cannot log in to $target"

changes=0
changed() {
    changes=$((changes + 1))
    printf 'changed: %s\n' "$*"
}

# install_file LOCAL REMOTE MODE: REMOTE is relative to the home directory there.
install_file() {
    local wanted have
    wanted="$(sha256sum <"$1") $3"
    # shellcheck disable=SC2029  # the names are ours and are meant to be expanded here
    have=$(remote "if test -f $2; then sha256sum <$2; stat -c %a $2; fi")
    [[ ${have//$'\n'/ } == "$wanted" ]] && return
    # It is written beside its place and moved there, so that no reader meets half a file.
    # shellcheck disable=SC2029
    remote "umask 077 && cat >$2.new && chmod $3 $2.new && mv -f $2.new $2" <"$1"
    changed "$2"
}

pin_host_key() {
    local ours theirs
    # The key this workstation trusts; never what the network happens to answer.
    [[ -r $known_hosts ]] || fail "cannot read $known_hosts, which must pin $coulombcore"
    ours=$(keys_of "$coulombcore" <"$known_hosts")
    [[ -n $ours ]] || fail "$known_hosts has no key of $coulombcore; log in there once and verify it"
    theirs=$(remote "cat .ssh/known_hosts 2>/dev/null || true" | keys_of "$coulombcore")
    [[ $theirs == "$ours" ]] && return
    [[ -z $theirs ]] || fail "$target pins another host key of $coulombcore than this workstation;" \
        "find out which is right, then remove the wrong one with: ssh-keygen -R $coulombcore"
    while read -r key; do printf '%s %s\n' "$coulombcore" "$key"; done <<<"$ours" |
        remote "umask 077 && cat >>.ssh/known_hosts"
    changed ".ssh/known_hosts: pinned the host key of $coulombcore"
}

# keys_of HOST: type and key of each line for HOST in the known_hosts file on standard input.
keys_of() {
    local file=$control/known_hosts
    cat >"$file"
    # ssh-keygen exits 1 when it finds no line; then there is no key to print.
    { ssh-keygen -F "$1" -f "$file" 2>/dev/null || true; } |
        awk '!/^[#@]/ { print $2, $3 }' | sort -u
}

remote "umask 077 && mkdir -p .ssh .config/systemd/user .config/bridge"
for unit in "${units[@]}"; do
    install_file "$unit" ".config/systemd/user/${unit##*/}" 644
done
install_file "$assets/railiance01-tunnels.yaml" .config/bridge/tunnels.yaml 644
install_file "$identity" .ssh/id_ops 600
install_file "$identity.pub" .ssh/id_ops.pub 644
pin_host_key

names=("${units[@]##*/}")
[[ $changes -eq 0 ]] || remote systemctl --user daemon-reload
for name in "${names[@]}"; do
    state=$(remote systemctl --user is-enabled "$name" 2>/dev/null) || true
    [[ $state == enabled ]] && continue
    remote systemctl --user --quiet enable "$name"
    changed "$name is enabled (it was ${state:-unknown})"
done

if [[ $changes -eq 0 ]]; then
    echo "Nothing to do: $target has it all."
else
    echo "Installed on $target: $changes changes. The tunnels were not started; the cutover does that."
fi
