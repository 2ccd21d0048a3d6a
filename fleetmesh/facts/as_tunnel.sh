# shellcheck shell=sh
# `as_tunnel FUNCTION UNIT PORT WORD…` hands the words of the tunnel's ssh to FUNCTION. They are
# those of the process that runs what its unit would start; else the unit's own; else the WORDs,
# which are what the inventory says. Without UNIT, the process is the one that holds PORT.
# systemctl joins a unit's words by blanks: where no process tells them apart, they are split at
# blanks, and not used if a quote or a variable stands in them, or more than a destination behind
# the options: then one of them had a blank of its own. Nothing is ever evaluated.
# Where systemctl or ss does not answer, the WORDs stand for what nobody could tell, and `unasked`
# says why: a log-in can do with them, and what the tunnel's own words are cannot.
as_tunnel() {
  use=$1 unit=$2 port=$3 source=inventory line='' unasked=''
  shift 3
  if [ "$unit" ]; then
    # One that hangs must not cost the log-in, which needs none of it.
    shown=$(timeout 2 systemctl --user show -p MainPID -p ExecStart -- "$unit" 2>&1) ||
      unasked="systemctl: ${shown:-no answer within 2 s}"
    pid=${shown#*MainPID=}
    pid=${pid%%[!0-9]*}
    line=$(printf '%s\n' "$shown" |
      sed -n 's/^ExecStart=.*argv\[\]=\(.*\) ; ignore_errors=.*/\1/p' | tail -n 1)
  else
    shown=$(ss -Htlnp "sport = :$port" 2>&1) || unasked="ss: $shown"
    pid=$(printf '%s\n' "$shown" | sed -n 's/.*("ssh",pid=\([0-9]*\),.*/\1/p' | head -n 1)
  fi
  runs=$({ tr '\0' ' ' <"/proc/${pid:-0}/cmdline"; } 2>/dev/null)
  runs=${runs% }
  if [ "$runs" ] && { [ -z "$unit" ] || [ "$runs" = "$line" ]; }; then
    source=process
    set --
    while IFS= read -r word; do set -- "$@" "$word"; done <<END
$(tr '\n\0' '\1\n' <"/proc/$pid/cmdline")
END
  elif [ "$line" ]; then
    source=unit
    case $line in *[\"\'\\\$\`]*) printf 'unclear %s\n' "$line"; return;; esac
    set -f
    # shellcheck disable=SC2086  # split at blanks, as said above
    set -- $line
    set +f
  fi
  case ${1##*/} in
    ssh) shift;;
    autossh)
      shift; skip=
      for word do
        shift
        if [ "$skip" ]; then skip=; continue; fi
        case $word in -M) skip=1; continue;; -M*) continue;; esac
        set -- "$@" "$word"
      done;;
    *) printf 'unclear %s\n' "$line"; return;;
  esac
  if [ $source = unit ] && ! plain "$@"; then printf 'unclear %s\n' "$line"; return; fi
  "$use" "$@"
}
plain() {
  OPTIND=1 options=1246AB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVW:XYab:c:e:fgi:kl:m:no:p:qstvw:xy
  while getopts ":$options" _; do :; done
  shift $((OPTIND - 1))
  [ $# -eq 1 ]
}
# `told` is true where the words are the tunnel's own; else it prints why nobody could tell them.
told() { [ -z "$unasked" ] || { printf 'unasked %s\n' "$unasked"; false; }; }
# `without LETTERS FUNCTION WORD…` hands the words of an ssh to FUNCTION, less these flags of its own.
without() {
  letters=$1 takes=$2
  shift 2
  for word do
    shift
    case $word in
      -*[!46AaCfGgKkMNnqsTtVvXxYy]* | [!-]* | '') ;;
      *) word=-$(printf %s "${word#-}" | tr -d "$letters"); [ "$word" = - ] && continue;;
    esac
    set -- "$@" "$word"
  done
  "$takes" "$@"
}
