# shellcheck shell=sh
# `status_of UNIT SYSTEMCTL…` prints the unit's status without its journal, and without what runs in it:
# of processes and their arguments the facts say what may be said.
status_of() {
  unit=$1
  shift
  said=$("$@" status --no-pager --full --lines=0 -- "$unit" 2>&1)
  status=$?
  printf '%s\n' "$said" | sed '/^ *CGroup: /,$d'
  return $status
}
