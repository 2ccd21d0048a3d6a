# shellcheck shell=sh disable=SC2154,SC2086  # the call sets what is not set; units have no blanks
# What runs by itself for the tunnels' user and could renew their certificate: of crontabs, units and
# the scripts that they run, the lines that name `principal` or `key`, or sign something, and those
# that run such a script. A tab parts source and line.
list() { sed "s|^|$1	|"; }
# The same from the table of a systemd before 249: NEXT … UNIT ACTIVATES.
listed() {
  TZ=UTC systemctl --user list-timers --all --no-legend --no-pager | {
    all=
    while read -r day date time zone rest; do
      case $day in n/a | -) next=0 ;; *) next=$(date -d "$day $date $time $zone" +%s)000000 ;; esac
      # shellcheck disable=SC2086
      set -- $date $time $zone $rest
      while [ $# -gt 2 ]; do shift; done
      all="$all${all:+,}{\"next\":$next,\"unit\":\"$1\",\"activates\":\"$2\"}"
    done
    printf '[%s]' "$all"
  }
}
schedule() {
  crontab -l 2>/dev/null | grep -v '^ *#' | list crontab
  for file in /etc/crontab /etc/cron.d/*; do
    [ -r "$file" ] && grep -v '^ *#' "$file" | list "$file"
  done
  timers=$(systemctl --user list-timers --all --output=json) || exit
  case $timers in '['*) ;; *) timers=$(listed) ;; esac
  printf 'timers\t%s\n' "$timers"
  activated=$(printf '%s' "$timers" | grep -o '"activates":"[^"]*"' | cut -d '"' -f 4)
  systemctl --user show --no-pager -p Id -p UnitFileState -p ActiveState -p Result \
    -p ExecCondition -p ExecStartPre -p ExecStart -- '*.timer' '*.service' $activated | list units
}
scheduled=$(schedule) || exit
scripts=$(printf '%s\n' "$scheduled" | grep -o '[~/][^ 	;"'\'']*' | sort -u | while read -r path; do
  case $path in [~]/*) path=$HOME/${path#?/};; esac
  [ -f "$path" ] && [ -r "$path" ] && [ "$(head -c 2 "$path" | tr -d '\0')" = '#!' ] &&
    grep -F -e "$principal" -e "$key" -e sign "$path" | list "$path"
done)
named=$(printf '%s\n' "$principal" "$key" sign; printf '%s\n' "$scripts" | cut -f 1 | sort -u)
# The words travel by the environment: awk would read a backslash in an argument of its own.
printf '%s\n' "$scheduled" | named=$named awk -F '\t' '
  BEGIN { count = split(ENVIRON["named"], words, "\n") }
  function concerns(  i) {
    for (i = 1; i <= count; i++) if (words[i] != "" && index($0, words[i])) return 1
    return 0
  }
  $1 == "timers" || ($1 == "units" && $2 !~ /^Exec/) || concerns()'
[ -z "$scripts" ] || printf '%s\n' "$scripts"
echo end
