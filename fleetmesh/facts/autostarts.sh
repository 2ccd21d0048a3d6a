# What starts by itself on this machine, as far as it concerns a tunnel. POSIX sh, awk, and no file
# is written. Set before: `wanted`, the names of tunnels and their ports, one a line; and `ends`, not
# empty where lines count that may end a unit of a user.
#
# It prints lines of a kind, a source and a text, parted by tabs, and `end` at last:
#   starts    a line that concerns a tunnel: it names one, a port, ssh, autossh or a bridge
#   unread    what exists and cannot be read, and why
#   absent    a tool whose place is not looked at, since it is not installed
#   aside     what no ordinary user can read anywhere
#   settings  what `ssh -G` says of a host that one of the lines above may log in to
#   config    a RemoteForward in a configuration of ssh
#   passed    the number of lines that concern no tunnel; what they say stays on this machine
# What a shell's function does counts where its name stands anywhere else: nobody calls it by itself.
# Variables are replaced by what their unit's environment, or the only assignment in the same file,
# makes of them. One that still stands there could not be resolved.

root=${root:-} # another root directory, for tests
tab=$(printf '\t') one=$(printf '\001')
nl='
'

say() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

# begin FORM SOURCE: what follows in the stream is the text of SOURCE, up to the next one's begin.
begin() { printf '\001%s\t%s\n' "$1" "$2"; }

# absent SOURCE TOOL: the tool is missing that would tell.
absent() { begin absent "$1" && echo "$2 is not installed"; }

# clean TEXT: without the mark of `begin`.
clean() {
  case $1 in *"$one"*) printf '%s\n' "$1" | tr -d '\001' ;; *) printf '%s\n' "$1" ;; esac
}

# pack FORM FILE…: the texts of these files, each with its begin. `names` has `FILE SOURCE` lines for
# those that are called otherwise.
pack() {
  [ $# -gt 1 ] || return 0
  FORM=$1 ROOT=$root && shift
  export FORM ROOT names
  awk '
    BEGIN {
      for (n = split(ENVIRON["names"], lines, "\n"); n > 0; n--) {
        split(lines[n], pair, "\t"); named[pair[1]] = pair[2]
      }
    }
    FNR == 1 {
      source = FILENAME in named ? named[FILENAME] : substr(FILENAME, length(ENVIRON["ROOT"]) + 1)
      print "\001" ENVIRON["FORM"] "\t" source
    }
    { gsub(/\001/, ""); print }' "$@"
}

# take FORM FILE…: the text of each file that there is; a hook must be executable to be run.
take() {
  form=$1 && shift
  left=$#
  while [ "$left" -gt 0 ]; do
    f=$1 left=$((left - 1))
    shift
    case $f in */.placeholder | */README | *.dpkg-*) continue ;; esac
    if [ ! -e "$f" ] || [ -d "$f" ]; then continue; fi
    if [ ! -r "$f" ]; then begin unread "${f#"$root"}"; continue; fi
    if [ "$form" = hook ] && [ ! -x "$f" ]; then continue; fi
    set -- "$@" "$f"
  done
  names='' && pack "$form" "$@"
}

# folder FORM FOLDER…: the files in each folder that there is.
folder() {
  of=$1 && shift
  for d; do
    [ -d "$d" ] || continue
    if [ -r "$d" ] && [ -x "$d" ]; then take "$of" "$d"/*; else begin unread "${d#"$root"}"; fi
  done
}

# output FORM SOURCE NOTHING COMMAND…: what the command prints; NOTHING is what it says for "none".
output() {
  form=$1 source=$2 nothing=$3 && shift 3
  if ! command -v "$1" >/dev/null; then absent "$source" "$1"; return; fi
  if said=$("$@" 2>&1); then
    begin "$form" "$source" && clean "$said"
  elif ! printf '%s\n' "$said" | grep -Eqi "$nothing"; then
    begin unread "$source" && printf '%s\n' "$said" | head -n 1
  fi
}

at_jobs() {
  command -v atq >/dev/null || { absent "at jobs" atq; return; }
  if ! jobs=$(atq 2>&1); then begin unread "at jobs" && printf '%s\n' "$jobs" | head -n 1; return; fi
  for job in $(printf '%s\n' "$jobs" | awk '{ print $1 }'); do
    output text "at job $job" '^$' at -c "$job"
  done
}

# The desktop's autostart: an entry of the user's own stands for the system's of the same name.
desktop_entries() {
  sessions=unknown entries=' '
  for f in "${XDG_CONFIG_HOME:-$HOME/.config}"/autostart/*.desktop "$root"/etc/xdg/autostart/*.desktop
  do
    [ -e "$f" ] || continue
    case $entries in *" ${f##*/} "*) continue ;; esac
    entries="$entries${f##*/} "
    [ -r "$f" ] || { begin unread "${f#"$root"}"; continue; }
    entry=$(tr -d '\001' <"$f" | awk '
      /^\[/ { here = ($0 == "[Desktop Entry]") }
      here && /^[A-Za-z-]+ *=/ {
        key = value = $0; sub(/ *=.*/, "", key); sub(/^[^=]*= */, "", value)
        if (!(key in given)) given[key] = value
      }
      END {
        if (given["Hidden"] == "true" || given["X-GNOME-Autostart-enabled"] == "false") exit
        if ("Exec" in given) print given["TryExec"] "\n" given["OnlyShowIn"] "\n" given["Exec"]
      }')
    { read -r needs; read -r only; read -r runs; } <<EOT
$entry
EOT
    [ -n "$runs" ] || continue
    [ -z "$needs" ] || command -v "$needs" >/dev/null || continue
    if [ -n "$only" ]; then
      [ "$sessions" != unknown ] || sessions=$(cat "$root"/usr/share/xsessions/*.desktop \
        "$root"/usr/share/wayland-sessions/*.desktop 2>/dev/null |
        sed -n 's/^DesktopNames=//p' | tr ';:\n' '   ')
      shown=
      for name in $(printf '%s' "$only" | tr ';' ' '); do
        case " $sessions " in *" $name "*) shown=yes ;; esac
      done
      [ -n "$shown" ] || continue
    fi
    begin text "${f#"$root"}" && printf '%s\n' "$runs"
  done
}

# The units that udev has systemd start, in a scope, for a device that is there; systemd.device(5).
# Instances that only a device names are left out.
of_devices() {
  case $1 in --user) key=SYSTEMD_USER_WANTS ;; *) key=SYSTEMD_WANTS ;; esac
  set --
  for f in "$root"/etc/udev/rules.d/*.rules "$root"/run/udev/rules.d/*.rules \
    "$root"/usr/lib/udev/rules.d/*.rules; do
    if [ -f "$f" ] && [ -r "$f" ]; then set -- "$@" "$f"; fi
  done
  [ $# -eq 0 ] || awk -v key="$key" '
    /^[ \t]*#/ { next }
    {
      while (match($0, "ENV\\{" key "\\}[+:]?=\"[^\"]*\"")) {
        names = substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH)
        sub(/^[^"]*"/, "", names); sub(/"$/, "", names)
        for (n = split(names, name, /[ \t]+/); n > 0; n--)
          if (name[n] ~ /^[A-Za-z0-9:_.@\\-]+\.(service|target|socket|timer|path)$/ &&
              name[n] !~ /@\./) print name[n]
      }
    }' "$@"
}

# Every unit that systemd would start by itself in a scope, and all that those pull in or trigger,
# as `systemctl show` has it: enabled, static, generated, or the instance of a template.
units() {
  if ! command -v systemctl >/dev/null; then
    if [ -d "$root/run/systemd/system" ]; then # sd_booted(3)
      begin unread "systemd $1" && echo "systemctl is not installed"
    else absent "systemd $1" systemctl; fi
    return
  fi
  listed=$(systemctl "$1" list-unit-files --no-pager --no-legend --full \
    '*.service' '*.timer' '*.path' '*.socket' '*.target' 2>&1) || {
    begin unread "systemd $1" && printf '%s\n' "$listed" | tail -n 1; return; }
  new=$(printf '%s\n' "$listed" | awk '$1 !~ /@\./ &&
    ($1 ~ /\.target$/ || $2 ~ /^(enabled|enabled-runtime|generated|linked|linked-runtime)$/) {
      print $1 }')
  new=$(printf '%s\n' default.target $new $(of_devices "$1") | sort -u) known=
  begin environment "manager $1" && systemctl "$1" show-environment 2>/dev/null
  while [ -n "$new" ]; do
    # shellcheck disable=SC2086
    shown=$(set -f; systemctl "$1" show --no-pager -p Id -p Wants -p Requires -p Requisite -p BindsTo \
      -p Upholds -p Triggers -p OnSuccess -p OnFailure -p Environment -p EnvironmentFiles \
      -p ExecCondition -p ExecStartPre -p ExecStart -p ExecStartPost -p ExecStop -p ExecStopPost \
      -- $new 2>/dev/null)
    case $shown in *EnvironmentFiles=?*)
      printf '%s\n' "$shown" | sed -n 's/^EnvironmentFiles=\(.*\) (ignore_errors=.*/\1/p' | sort -u
    esac | while read -r f; do
        for f in $root$f; do
          if [ -r "$f" ]; then
            begin environment "${f#"$root"}" && tr -d '\000\001' <"$f" && echo
          elif [ -e "$f" ] || unreachable "$f"; then
            begin environment-unread "${f#"$root"}"
          fi
        done
      done
    begin units "$1" && clean "$shown"
    known="$known $new"
    new=$(printf '%s\n' "$shown" | known=$known awk '
      BEGIN { n = split(ENVIRON["known"], names, /[ \n]+/); for (i = 1; i <= n; i++) seen[names[i]] = 1 }
      /^(Wants|Requires|Requisite|BindsTo|Upholds|Triggers|OnSuccess|OnFailure)=/ {
        sub(/^[^=]*=/, "")
        n = split($0, names, " ")
        for (i = 1; i <= n; i++)
          if (names[i] ~ /\.(service|timer|path|socket|target)$/ && !seen[names[i]]++) print names[i]
      }')
  done
}

# What launchd starts on a Mac, launchd.plist(5); nobody can list what a user has there as log-in items.
launch_agents() {
  for f in ~/Library/LaunchAgents/*.plist "$root"/Library/Launch[AD]*s/*.plist; do
    [ -e "$f" ] || continue
    [ -r "$f" ] || { begin unread "${f#"$root"}"; continue; }
    begin text "${f#"$root"}"
    { plutil -convert xml1 -o - "$f" 2>/dev/null || cat "$f"; } | tr -d '\001\n' | awk '
      match($0, /<key>ProgramArguments<\/key>[ \t]*<array>.*/) {
        $0 = substr($0, RSTART, RLENGTH); sub(/<\/array>.*/, ""); sub(/.*<array>/, "")
      }
      match($0, /<key>Program<\/key>[ \t]*<string>[^<]*/) { $0 = substr($0, RSTART + 19, RLENGTH - 19) }
      {
        gsub(/<[^>]*>[ \t]*/, " ")
        gsub(/&lt;/, "<"); gsub(/&gt;/, ">"); gsub(/&quot;/, "\""); gsub(/&amp;/, "\\&")
        gsub(/  +/, " "); sub(/^ /, ""); print
      }'
  done
  [ ! -d "$root"/Library/LaunchDaemons ] ||
    { begin absent "log-in items" && echo "no program lists them"; }
}

# unreachable PATH: whether a folder above it cannot be searched, so that nobody knows what is there.
unreachable() {
  above=$1
  while [ ! -e "$above" ] && [ -n "$above" ]; do above=${above%/*}; done
  [ -d "$above" ] && [ ! -x "$above" ]
}

places() {
  output cron crontab 'no crontab|No such file' crontab -l
  take cron-of "$root"/etc/crontab "$root"/etc/anacrontab
  folder cron-of "$root"/etc/cron.d
  folder hook "$root"/etc/cron.hourly "$root"/etc/cron.daily "$root"/etc/cron.weekly "$root"/etc/cron.monthly
  at_jobs
  units --user
  units --system
  desktop_entries
  launch_agents
  command -v systemctl >/dev/null || folder hook "$root"/etc/local.d # OpenRC's
  folder hook ~/.config/autostart-scripts ~/.config/plasma-workspace/env
  take text "$root"/etc/rc.local "$root"/etc/inittab "$root"/etc/profile "$root"/etc/bash.bashrc \
    "$root"/etc/zsh/z* ~/.profile ~/.bash_profile ~/.bash_login ~/.bashrc ~/.zshenv ~/.zprofile \
    ~/.zshrc ~/.zlogin ~/.config/fish/config.fish ~/.xprofile ~/.xsession ~/.xsessionrc ~/.xinitrc \
    ~/.ssh/rc "$root"/etc/ssh/sshrc ~/.config/i3/config ~/.config/sway/config ~/.config/hypr/*.conf \
    ~/.config/openbox/autostart "$root"/etc/network/interfaces
  folder text "$root"/etc/profile.d "$root"/etc/X11/Xsession.d "$root"/etc/X11/xinit/xinitrc.d \
    "$root"/etc/network/interfaces.d ~/.config/fish/conf.d
  folder hook "$root"/etc/network/if-*.d "$root"/etc/NetworkManager/dispatcher.d \
    "$root"/etc/NetworkManager/dispatcher.d/*.d "$root"/usr/lib/NetworkManager/dispatcher.d \
    "$root"/etc/networkd-dispatcher/*.d "$root"/usr/lib/networkd-dispatcher/*.d "$root"/etc/ppp/ip*.d \
    "$root"/etc/systemd/system-sleep "$root"/usr/lib/systemd/system-sleep \
    "$root"/etc/systemd/system-generators "$root"/etc/systemd/user-generators \
    "$root"/usr/local/lib/systemd/system-generators "$root"/usr/local/lib/systemd/user-generators
  take hook "$root"/etc/ppp/ip-up "$root"/etc/ppp/ip-down
  take text "$root"/etc/dhcp/dhclient-*-hooks "$root"/etc/dhcpcd.*-hook
  folder text "$root"/etc/dhcp/dhclient-*-hooks.d
  folder udev "$root"/etc/udev/rules.d "$root"/run/udev/rules.d "$root"/usr/lib/udev/rules.d
  folder pam "$root"/etc/pam.d
}

# Sort a stream of texts into lines that concern a tunnel, and paths of what they run.
sift() {
  HOME_=$HOME awk '
  function finish(   i) {
    if (form == "unread") print "unread\t" source "\t" (n ? lines[1] : "this user cannot read it")
    else if (form == "absent") print "absent\t" source "\t" lines[1]
    else if (form == "environment-unread") closed[source] = 1
    else if (form == "units") units()
    else if (form == "environment") environment()
    else text()
    n = 0
    for (i in assigned) delete assigned[i]
    for (i in value) delete value[i]
  }
  function unquoted(word) {
    if (word ~ /^".*"$/ || word ~ /^\047.*\047$/) return substr(word, 2, length(word) - 2)
    return word
  }
  function environment(   i, key) {  # systemd.exec(5), EnvironmentFile=
    for (i = 1; i <= n; i++) if (lines[i] ~ /^[ \t]*[A-Za-z_][A-Za-z0-9_]*=/) {
      key = lines[i]; sub(/^[ \t]*/, "", key); sub(/=.*/, "", key)
      sub(/^[^=]*=/, "", lines[i]); sub(/[ \t\r]+$/, "", lines[i])
      from[source, key] = unquoted(lines[i]); has[source, key] = 1
    }
  }
  function units(   i, key, rest, id, files, execs, e, f, m, words, w, word, open) {
    lines[++n] = ""
    for (i = 1; i <= n; i++) {
      if (lines[i] == "") {
        for (e = 1; e <= execs; e++) unit_line(id, exec[e], files)
        id = ""; execs = files = 0
        for (key in value) delete value[key]
        continue
      }
      key = rest = lines[i]; sub(/=.*/, "", key); sub(/^[^=]*=/, "", rest)
      if (key == "Id") id = rest
      else if (key == "EnvironmentFiles") { sub(/ \(ignore_errors=.*/, "", rest); file[++files] = rest }
      else if (key == "Environment") {
        m = split(rest, words, " "); open = ""
        for (w = 1; w <= m; w++) {  # a value with spaces stands in quotes, the name within them
          word = open == "" ? words[w] : open " " words[w]
          if (word ~ /^"/ && word !~ /.".*$/) { open = word; continue }
          open = ""; word = unquoted(word)
          if (word ~ /^[A-Za-z_][A-Za-z0-9_]*=/) {
            key = word; sub(/=.*/, "", key); sub(/^[^=]*=/, "", word); value[key] = word
          }
        }
      } else if (key ~ /^Exec/ && match(rest, /argv\[\]=/)) {
        rest = substr(rest, RSTART + 7); sub(/ ; ignore_errors=.*/, "", rest); exec[++execs] = rest
      }
    }
  }
  # A variable of a unit: its files win over Environment=, and the last file over the others.
  function unit_line(id, line, files,   f, key, shut, name, done, rest, word, was, program) {
    shut = ""
    for (f = 1; f <= files; f++) if (file[f] in closed) shut = shut " " file[f]
    program = line; sub(/ .*/, "", program); sub(/.*\//, "", program)
    done = ""; rest = line
    while (match(rest, /\$\$|\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_][A-Za-z0-9_]*/)) {
      word = substr(rest, RSTART, RLENGTH); done = done substr(rest, 1, RSTART - 1)
      rest = substr(rest, RSTART + RLENGTH)
      if (word == "$$") { done = done "$"; continue }
      name = word; gsub(/[${}]/, "", name); was = 0; key = ""
      if (("manager " source, name) in has) { key = from["manager " source, name]; was = 1 }
      if (name in value) { key = value[name]; was = 1 }
      for (f = 1; f <= files; f++) if ((file[f], name) in has) { key = from[file[f], name]; was = 1 }
      if (was && shut == "") done = done key
      else if (shut == "" && program ~ /^(ssh|autossh|bridge)$/) done = done ""  # systemd: empty
      else done = done word
    }
    if (emit(id, done rest, "") && shut != "" && done rest ~ /\$/)
      print "unread\t" id "\tthis user cannot read its EnvironmentFile" shut
    else if (shut != "" && done rest ~ /(sh|env) +(-c +)?\$/)
      print "unread\t" id "\tthis user cannot read its EnvironmentFile" shut
  }
  function text(   i, line, key, last, m) {
    m = 0
    for (i = 1; i <= n; i++) {
      line = lines[i]
      while (line ~ /\\$/ && i < n) { sub(/\\$/, " ", line); line = line lines[++i] }
      if (line ~ /^[ \t]*(#|$)/ || line ~ /^[ \t]*alias /) continue
      if (form == "udev" && line !~ /(RUN|PROGRAM)/) continue
      if (form == "pam" && line !~ /pam_exec/) continue
      if (form == "hook" || form == "text" || form ~ /^cron/) {
        key = line; sub(/^[ \t]*/, "", key); sub(/^export[ \t]+/, "", key)
        if (key ~ /^[A-Za-z_][A-Za-z0-9_]*=[^`$(;&|]*$/) {
          line = key; sub(/=.*/, "", key); sub(/^[^=]*=/, "", line); sub(/[ \t\r]+$/, "", line)
          assigned[key]++; value[key] = unquoted(line)
          line = key "=" line
        } else if (key ~ /^[A-Za-z_][A-Za-z0-9_]*\+?=/) { sub(/\+?=.*/, "", key); assigned[key] += 2 }
        else if (key ~ /^(for|read)[ \t]/) { split(key, words, /[ \t]+/); assigned[words[2]] += 2 }
      }
      body[++m] = line
    }
    for (i = 1; i <= m; i++) {
      last = (form == "text" || form == "hook") && (key = defines(body[i])) != "" ? end_of(i, m) : 0
      if (!last) { emit(source, resolved(body[i]), form); continue }
      for (; i <= last; i++) {
        held++
        held_by[held] = key; held_from[held] = source; held_line[held] = resolved(body[i])
      }
      line = body[--i]
      if (sub(/.*\}/, "", line) && line ~ /[^ \t;]/) emit(source, resolved(line), form)
    }
  }
  # The name of the function of which this is the first line.
  function defines(line) {
    if (line !~ /^[ \t]*(function[ \t]+[A-Za-z_][A-Za-z0-9_.-]*|[A-Za-z_][A-Za-z0-9_.-]*[ \t]*\(\))/) return ""
    sub(/^[ \t]*(function[ \t]+)?/, "", line)
    match(line, /^[A-Za-z_][A-Za-z0-9_.-]*/)
    return substr(line, 1, RLENGTH)
  }
  # The last line of the function that begins at line i; 0 where that is in doubt, and it all counts.
  function end_of(i, m,   line, margin, open, shut, depth, fish) {
    match(body[i], /^[ \t]*/); margin = substr(body[i], 1, RLENGTH)
    fish = body[i] ~ /^[ \t]*function/ && body[i] !~ /[{(]/ && body[i + 1] !~ /^[ \t]*\{/
    for (open = shut = 0; i <= m; i++) {
      line = body[i]
      if (fish && (line == margin "end" || line == margin "end;")) return i
      gsub(/\\./, "", line); gsub(/\047[^\047]*\047|"[^"]*"|\$\{[^{}]*\}/, "", line)
      if (line ~ /["\047]|<</) return 0
      open += gsub(/\{/, "{", line); depth = open - (shut += gsub(/\}/, "}", line))
      if (!fish && open && (depth <= 0 || line == margin "}")) { return i }
    }
    return 0
  }
  # What the functions do that are called, which may call others.
  function called_ones(   i, more) {
    do {
      more = 0
      for (i = 1; i <= held; i++) if (held_by[i] != "" && (held_by[i] in called)) {
        held_by[i] = ""; more = 1
        emit(held_from[i], held_line[i], "text")
      }
    } while (more)
    for (i = 1; i <= held; i++) if (held_by[i] != "") passed++
  }
  function resolved(line,   rest, done, word, name) {
    if (length(line) > 8192) return line  # no command that somebody wrote: not worth the time
    done = ""; rest = line
    while (match(rest, /\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_][A-Za-z0-9_]*/)) {
      word = substr(rest, RSTART, RLENGTH); done = done substr(rest, 1, RSTART - 1)
      rest = substr(rest, RSTART + RLENGTH)
      name = word; gsub(/[${}]/, "", name)
      if (assigned[name] == 1) done = done value[name]
      else if (name == "HOME") done = done ENVIRON["HOME_"]
      else done = done word
    }
    return done rest
  }
  # Show a line that concerns a tunnel; name what it runs. True where it was shown.
  function emit(from_, line, form_,   concerns, words, w) {
    concerns = line ~ tool || line ~ shell || (ender != "" && line ~ ender)
    for (w in wanted) if (index(line, w)) concerns = 1
    if (length(line) <= 8192)
      for (w = split(line, words, /[^A-Za-z0-9_.-]+/); w > 0; w--) called[words[w]]
    if (concerns) { sub(/^[ \t]+/, "", line); print "starts\t" from_ "\t" line } else passed++
    if (length(line) <= 8192) runs(from_, line, form_)
    return concerns
  }
  function runs(from_, line, form_,   words, m, i, word, first, before, skip) {
    gsub(/[;&|(){}`]+/, " ; ", line); gsub(/>+/, " > ", line); gsub(/[="\047,<]+/, " ", line)
    m = split(line, words, /[ \t]+/)
    i = words[1] == "" ? 2 : 1
    if (form_ ~ /^cron/) i += (words[i] ~ /^@/ ? 1 : 5) + (form_ == "cron-of")
    first = 1; before = ""
    for (; i <= m; i++) {
      word = words[i]
      if (word == ";" || word ~ /^(then|do|else|exec|nohup|setsid|env|sudo|nice|if|while|until|!)$/) {
        first = 1; before = ""; continue
      }
      sub(/^~\//, ENVIRON["HOME_"] "/", word)
      if (before != ">" && word ~ /^(\/|[A-Za-z0-9_])[A-Za-z0-9_.@+\/-]*$/ && word !~ /(^|\/)(ssh|autossh|bridge)$/) {
        skip = word ~ /^\// ? "path" : "bare"
        print skip "\t" from_ "\t" (before ~ /^(\.|source|([^ ]*\/)?(sh|bash|dash|zsh|ksh|python3?|perl))$/ ? "text" : first ? "run" : "name") "\t" word
      }
      if (word !~ /^-/) { before = word; first = 0 }
    }
  }
  BEGIN {
    count = split(ENVIRON["wanted"], list, "\n")
    for (i = 1; i <= count; i++) if (list[i] != "") wanted[list[i]] = 1
    tool = "(^|[^A-Za-z0-9_.@-])(ssh|autossh|bridge)([^A-Za-z0-9_.@/-]|$)"
    shell = "(^|[ /])(sh|env) +(-c +)?[\"\047]?[$]"
    if (ENVIRON["ends"] != "")
      ender = "systemctl[^;|&]* (--user|-M|--machine|isolate|user@)|loginctl +(disable-linger|(terminate|kill)-)"
  }
  substr($0, 1, 1) == "\001" {
    if (form != "") finish()
    split(substr($0, 2), head, "\t"); form = head[1]; source = head[2]; next
  }
  { lines[++n] = $0 }
  END { if (form != "") finish(); called_ones(); print "passed\t-\t" passed + 0 }
  '
}

# The texts of scripts that lines run, from `path|bare SOURCE HOW PATH` lines.
scripts() {
  list=$(awk -F "$tab" '!seen[$4]++' | while IFS="$tab" read -r kind from how path; do
    if [ "$kind" = bare ]; then
      for d in ~/bin ~/.local/bin "$root"/usr/local/bin "$root"/usr/local/sbin; do
        [ -f "$d/$path" ] && printf '%s\t%s\t%s\n' "$how" "$from" "$d/$path"
      done
    else
      case $path in "$HOME"/*) ;; *) path=$root$path ;; esac
      if [ -f "$path" ] || { [ "$how" != name ] && unreachable "$path"; }; then
        printf '%s\t%s\t%s\n' "$how" "$from" "$path"
      fi
    fi
  done)
  [ -n "$list" ] || return 0
  readable=$(printf '%s\n' "$list" | while IFS="$tab" read -r how from path; do
    [ -r "$path" ] && printf '%s\n' "$path"; done)
  with_interpreter=$(
    IFS=$nl
    set -f
    # shellcheck disable=SC2086
    [ -z "$readable" ] || awk 'FNR == 1 { if (substr($0, 1, 2) == "#!") print FILENAME; nextfile }' $readable
  )
  texts=$(printf '%s\n' "$list" | while IFS="$tab" read -r how from path; do
    if [ ! -r "$path" ]; then
      if [ "$how" = name ] && [ ! -x "$path" ]; then continue; fi
      [ -u "$path" ] || printf '\001unread\t%s, run by %s\n' "${path#"$root"}" "$from"
      continue
    fi
    case "$how$nl$with_interpreter$nl" in
      text* | *"$nl$path$nl"*) printf '%s\t%s, run by %s\n' "$path" "${path#"$root"}" "$from" ;;
    esac
  done)
  printf '%s\n' "$texts" | grep "^$one" || true
  texts=$(printf '%s\n' "$texts" | grep -v "^$one")
  IFS=$nl
  set -f
  # shellcheck disable=SC2046
  names=$texts && pack text $(printf '%s\n' "$texts" | cut -f 1)
  unset IFS
  set +f
}

# What ssh would make of each word that may be a host in a line with ssh: its forwards.
resolve() {
  words=$(awk -F "$tab" '
    $1 == "starts" && $3 ~ /(^|[^A-Za-z0-9_.@-])(auto)?ssh([^A-Za-z0-9_.@\/-]|$)/ {
      m = split($3, words, /[ \t"\047;&|()<>,]+/)
      for (i = 1; i <= m; i++)
        if (words[i] ~ /^(ssh:\/\/)?[A-Za-z0-9_][A-Za-z0-9_.@:-]*$/ && words[i] !~ /^(auto)?ssh$/ \
            && !seen[words[i]]++ && ++count <= 100) print words[i]
    }')
  [ -n "$words" ] || return 0
  command -v ssh >/dev/null || { say absent "ssh -G" "ssh is not installed"; return; }
  for word in $words; do
    begin settings "$word"
    ssh -G -- "$word" </dev/null 2>/dev/null
  done | awk '
    sub(/^\001settings\t/, "") { word = $0 }
    /^(hostname|localforward|remoteforward|dynamicforward|clearallforwardings) / {
      print "settings\t" word "\t" $0 }'
}

# RemoteForward wherever ssh reads its configuration, included files of one level too.
configurations() {
  for f in ~/.ssh/config "$root"/etc/ssh/ssh_config "$root"/etc/ssh/ssh_config.d/*; do
    [ -r "$f" ] || continue
    printf '%s\n' "$f"
    sed -n 's/^[ \t]*[Ii]nclude[ \t=]*//p' "$f" | tr -s ' "' '\n' | while read -r g; do
      case $g in /*) ;; ~/*) g=~/${g#??} ;; *) g=~/.ssh/$g ;; esac
      for g in $g; do [ -r "$g" ] && printf '%s\n' "$g"; done
    done
  done | sort -u | while read -r f; do
    grep -i '^[[:space:]]*RemoteForward' "$f" | while read -r line; do
      say config "${f#"$root"}" "$line"
    done
  done
}

only() { printf '%s\n' "$1" | grep -E "^($2)$tab" || true; }
following() { case $nl$1 in *"${nl}path$tab"* | *"${nl}bare$tab"*) only "$1" 'path|bare' | scripts | sift ;; esac; }

export wanted ends
first=$(places | sift)
second=$(following "$first")
third=$(following "$second")
found=$(printf '%s\n' "$first" "$second" "$third" | awk -F "$tab" '
  $1 ~ /^(starts|unread|absent|aside)$/ && !seen[$0]++
  $1 == "passed" { n += $3 }
  END { print "passed\t-\t" n + 0 }')
printf '%s\n' "$found"
printf '%s\n' "$found" | resolve
configurations
say aside "root and other users" "their crontabs, profiles and user units are not looked at"
echo end
