# shellcheck shell=sh
# `bounded END COMMAND…` prints what COMMAND says, of which END (head or tail) leaves 8 KiB at most and
# no line is longer than 500 bytes, and returns its exit status.
bounded() {
  end=$1
  shift
  said=$("$@" 2>&1)
  status=$?
  printf '%s\n' "$said" | cut -b -500 | "$end" -c 8192
  return $status
}
