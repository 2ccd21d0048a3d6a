# shellcheck shell=sh disable=SC2154  # the call sets what is not set here
# One log-in, with the words of the tunnel's ssh but for its forwards; it runs `true` there.
verbose() { without fMNnq saying "$@"; }
saying() {
  printf 'source %s\n' "$source"
  bounded tail timeout -k 1 "$seconds" ssh -v OPTIONS "$@" true </dev/null
}
