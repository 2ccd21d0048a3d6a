# shellcheck shell=sh disable=SC2154  # the call sets `state`: listening, or established
# The TCP sockets of a workstation, a line each, as `ss -HOtnpe` has them. Where there is no ss, they
# are what Linux has in /proc/net, or what netstat and lsof of a Mac or a BSD say. Of those, only
# this user's own have a process, as with ss; `uid:-1` where nobody says whose a socket is.
root=${root:-} # another root directory, for tests
if command -v ss >/dev/null; then
  case $state in
    listening) exec ss -HOtlnpe ;;
    *) exec ss -HOtnpei state established ;;
  esac
fi
line='function show(local, peer, users, uid) {
  print "0 0 " local " " peer (users == "" ? "" : " users:(" users ")") (uid ? " uid:" uid : "")
}'
if [ -r "$root/proc/net/tcp" ]; then
  for d in /proc/[0-9]*; do
    read -r name <"$d/comm" && echo "comm ${d#/proc/} $name" && ls -l "$d/fd"
  done 2>/dev/null | {
    cat
    echo
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
  } | awk -v wanted="$state" "$line"'
    function decimal(hex,  i, n) {
      for (i = 1; i <= length(hex); i++) n = n * 16 + index("123456789ABCDEF", substr(hex, i, 1))
      return n
    }
    function address(hex,  i, word, text) {
      if (length(hex) == 8) {
        for (i = 7; i > 0; i -= 2) text = text (text == "" ? "" : ".") decimal(substr(hex, i, 2))
        return text
      }
      for (i = 1; i < 32; i += 8) {
        word = substr(hex, i, 8)
        text = text (text == "" ? "" : ":") substr(word, 7, 2) substr(word, 5, 2) ":" \
          substr(word, 3, 2) substr(word, 1, 2)
      }
      return "[" text "]"
    }
    function end(text, any) {
      split(text, part, ":")
      return address(part[1]) ":" (any && part[2] == "0000" ? "*" : decimal(part[2]))
    }
    $1 == "comm" && !sockets { pid = $2; name = $0; sub(/^comm [0-9]+ /, "", name); next }
    match($0, /-> socket:\[[0-9]+\]$/) {
      inode = substr($0, RSTART + 11, RLENGTH - 12)
      held[inode] = held[inode] (held[inode] == "" ? "" : ",") "(\"" name "\",pid=" pid ",fd=0)"
      next
    }
    $1 == "sl" { sockets = 1; next }
    sockets && $4 == (wanted == "listening" ? "0A" : "01") {
      show(end($2), end($3, 1), held[$10], $8)
    }'
elif command -v netstat >/dev/null; then
  {
    lsof -nP -a -u "$(id -u)" -iTCP -Fpcn 2>/dev/null
    echo
    netstat -an -p tcp
  } | awk -v wanted="$state" -v own="$(id -u)" "$line"'
    function end(text, family,  at) {
      at = match(text, /\.[0-9*]+$/)
      host = substr(text, 1, at - 1); port = substr(text, at + 1)
      if (host == "*") host = family == "tcp4" ? "0.0.0.0" : "*"
      else if (family != "tcp4" && host ~ /:/) host = "[" host "]"
      return host ":" port
    }
    function key(text) { gsub(/[][]/, "", text); return text }
    /^p[0-9]+$/ && !sockets { pid = substr($0, 2); next }
    /^c/ && !sockets { name = substr($0, 2); next }
    /^n/ && !sockets {
      at = substr($0, 2); sub(/^\*:/, "any:", at)
      at = key(at)
      held[at] = held[at] (held[at] == "" ? "" : ",") "(\"" name "\",pid=" pid ",fd=0)"
      next
    }
    /^tcp/ && $6 == (wanted == "listening" ? "LISTEN" : "ESTABLISHED") {
      sockets = 1
      local = end($4, $1); peer = end($5, $1)
      at = key(local); if ($4 ~ /^\*/) at = "any:" port_of($4)
      if (wanted != "listening") at = at "->" key(peer)
      show(local, peer, held[at], held[at] == "" ? -1 : own)
    }
    function port_of(text) { sub(/^.*\./, "", text); return text }'
else
  echo "there is neither ss nor /proc/net nor netstat" >&2
  exit 127
fi
