# shellcheck shell=sh
# Under which name ssh looks the host up, and what each file that it reads holds under that name.
pins() {
  told || return 0
  settings=$(ssh -G "$@") || return
  said() { printf '%s\n' "$settings" | sed -n "s/^$1 //p"; }
  name=$(said hostkeyalias) port=$(said port)
  if [ -z "$name" ]; then
    name=$(said hostname)
    [ "$port" = 22 ] || name="[$name]:$port"
  fi
  echo "name $name"
  set -f
  for file in $(said userknownhostsfile) $(said globalknownhostsfile); do
    if [ ! -e "$file" ]; then echo "absent $file"
    elif [ ! -r "$file" ]; then echo "unreadable $file"
    else echo "file $file"; ssh-keygen -F "$name" -f "$file"
    fi
  done
  true
}
