# The clients of SSH that run. Of each: a line `== PID WHOSE WORDS`, WHOSE being `own`, or another
# user's id and the control group, as 1001:/user.slice; so many words, each with a NUL behind it; a
# line break; and lines `-- keyword value` of what `ssh -G` makes of its destination, where it is
# this user's own: another's configuration is not ours to read. What the client runs at the far end
# is left out: it may hold secrets, and tells nothing of tunnels.
# A machine without /proc, as a Mac, does not tell where a word of an argument ends: a blank parts them.
root=${root:-} # another root directory, for tests
[ ! -e "$root/proc/self" ] || read -r name </proc/1/comm || exit # with hidepid, others' are hidden

# shellcheck disable=SC2016  # another shell reads it
client='
pid=$1 whose=$2
shift 2
[ $# -gt 0 ] || exit 0 # it has ended meanwhile
letters=:1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy
case ${1##*/} in autossh) letters=${letters}M: ;; esac
config= user= port= tag=
options() {
  OPTIND=1
  while getopts "$letters" letter; do
    case $letter in F) config=$OPTARG ;; l) user=$OPTARG ;; p) port=$OPTARG ;; P) tag=$OPTARG ;; esac
  done
  count=$((OPTIND - 1))
}
measure() {
  options "$@"
  words=$((1 + count))
  [ $# -gt $count ] || return
  shift $count
  host=$1 words=$((words + 1))
  shift
  options "$@"
  words=$((words + count))
}
host=
program=$1
shift
measure "$@"
printf "\n== %s %s %s\n%s\0" "$pid" "$whose" "$words" "$program"
for word; do
  words=$((words - 1))
  [ "$words" -gt 0 ] || break
  printf "%s\0" "$word"
done
echo
[ "$whose" = own ] && [ -n "$host" ] || exit 0
set -- ${config:+-F "$config"} ${user:+-l "$user"} ${port:+-p "$port"} ${tag:+-P "$tag"}
cd "/proc/$pid/cwd" 2>/dev/null
ssh -G "$@" -- "$host" </dev/null 2>/dev/null | grep -E "^(hostname|(local|remote|dynamic)forward) " \
  | sed "s/^/-- /"
exit 0
'
if [ ! -e "$root/proc/self" ]; then
  set -f
  listed=$(ps -axww -o pid= -o uid= -o args=) || exit
  printf '%s\n' "$listed" | while read -r pid uid args; do
    # shellcheck disable=SC2086
    set -- $args
    case ${1##*/} in ssh | autossh) ;; *) continue ;; esac
    if [ "$uid" = "$(id -u)" ]; then whose=own; else whose=$uid:; fi
    sh -c "$client" sh "$pid" "$whose" "$@" </dev/null
  done
  exit 0
fi
for d in /proc/[0-9]*; do
  read -r name 2>/dev/null <"$d/comm" || continue
  case $name in ssh | autossh) ;; *) continue ;; esac
  if [ -O "$d" ]; then whose=own
  else
    whose=$(stat -c %u "$d") || continue # it has ended meanwhile
    whose=$whose:$(sed -n 's/^0:://p' "$d/cgroup" | tr -d ' ')
  fi
  xargs -0 -x -n 9999 sh -c "$client" sh "${d#/proc/}" "$whose" <"$d/cmdline" ||
    printf '\n== %s %s 0\n\n' "${d#/proc/}" "$whose"
done 2>/dev/null
true
