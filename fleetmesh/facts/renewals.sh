# shellcheck shell=sh disable=SC2154,SC2086  # the call sets what is not set; units have no blanks
# Everything that runs by itself for the tunnels' user, and of the scripts among it the lines that
# name `principal` or `key`, or sign something. A tab parts source and line.
list() { sed "s|^|$1	|"; }
schedule() {
  crontab -l 2>/dev/null | grep -v '^ *#' | list crontab
  for file in /etc/crontab /etc/cron.d/*; do
    [ -r "$file" ] && grep -v '^ *#' "$file" | list "$file"
  done
  timers=$(systemctl --user list-timers --all --output=json) || exit
  printf 'timers\t%s\n' "$timers"
  activated=$(printf '%s' "$timers" | grep -o '"activates":"[^"]*"' | cut -d '"' -f 4)
  systemctl --user show --no-pager -p Id -p UnitFileState -p ActiveState -p Result \
    -p ExecCondition -p ExecStartPre -p ExecStart -- '*.timer' '*.service' $activated | list units
}
scheduled=$(schedule) || exit
printf '%s\n' "$scheduled"
printf '%s\n' "$scheduled" | grep -o '[~/][^ 	;"'\'']*' | sort -u | while read -r path; do
  case $path in [~]/*) path=$HOME/${path#?/};; esac
  [ -f "$path" ] && [ -r "$path" ] && [ "$(head -c 2 "$path" | tr -d '\0')" = '#!' ] &&
    grep -F -e "$principal" -e "$key" -e sign "$path" | list "$path"
done
echo end
