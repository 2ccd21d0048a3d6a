# shellcheck shell=sh disable=SC2154,SC2016  # as_tunnel.sh and the call set what is not set here
# One connection a tunnel: it logs in as the tunnel does and asks for the tunnel's forward, by -W,
# to send one request through it. ssh's words go to descriptor 3, each line marked; the first line
# of the answer ends it all. After a log-in that fails, none of the other tunnels' is tried: sshd
# counts failures (PerSourcePenalties in sshd_config(5)), for which the tunnels would suffer.
login() { without fMnq asking "$@"; }
asking() {
  set -- "$to" "$asked" "$seconds" "$@"
  said=$({ timeout -k 1 "$seconds" sh -c "$talk" sh "$@" 2>/dev/null; } 3>&1)
  printf 'tunnel %s\nsource %s\n' "$tunnel" "$source"
  printf '%s\n' "$said" | sed 's/^/| /'
  case $said in *"Authenticated to "*) ;; *) exit 0;; esac
}
talk='to=$1 asked=$2 seconds=$3; shift 3
{ printf %b "$asked"; exec sleep "$seconds"; } |
{ ssh -W "$to" OPTIONS "$@" 2>&3; echo "exit $?"; } |
{ IFS= read -r line && printf "answer %s\n" "$line" >&3; kill 0; }'
