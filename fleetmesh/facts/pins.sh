# shellcheck shell=sh
# Under which name ssh looks the host up, and what each file that it reads holds under that name.
pins() {
  told || return 0
  settings=$(ssh -G "$@") || return
  said() { printf '%s\n' "$settings" | sed -n "s/^$1 //p"; }
  bare='' pinned=''
  name=$(said hostkeyalias) port=$(said port)
  if [ -z "$name" ]; then
    name=$(said hostname)
    [ "$port" = 22 ] || { bare=$name; name="[$name]:$port"; }
  fi
  held "$name"
  # Where no file knows the host at that port, ssh takes the key that it has without one.
  [ "$pinned" ] || [ -z "$bare" ] || held "$bare"
  true
}
held() {
  echo "name $1"
  set -f
  for file in $(said userknownhostsfile) $(said globalknownhostsfile); do
    if [ ! -e "$file" ]; then echo "absent $file"
    elif [ ! -r "$file" ]; then echo "unreadable $file"
    else echo "file $file"; ssh-keygen -F "$1" -f "$file" && pinned=1
    fi
  done
}
