#!/bin/sh
# Keeps one machine running: its root file system, its nspawn, its reboots.
# Usage: supervise.sh CGROUP ROOT LOWER UPPER WORK NETWORK_NAMESPACE NSPAWN_ARGUMENT…
# It is started in a mount namespace of its own, so that the overlay goes when the machine goes.
cgroup=$1 root=$2 lower=$3 upper=$4 work=$5 network=$6
shift 6
trap 'echo "machine is off, exit status $?"' EXIT
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root" || exit

reboot=133
status=$reboot
while [ "$status" -eq "$reboot" ]; do
    # shellcheck disable=SC2016  # expanded by the inner shell
    sh -c 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"' sh "$cgroup" \
        nsenter --net="$network" systemd-nspawn --directory="$root" "$@"
    status=$?
done
# nspawn leaves its payload running when it is killed itself. (Not between reboots: Linux 6.18 also
# kills what is later cloned into a group that was killed once.)
echo 1 >"$cgroup/cgroup.kill"
exit "$status"
