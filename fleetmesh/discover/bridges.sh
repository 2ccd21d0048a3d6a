# What every ops-bridge on this host says of its tunnels, in each way in which it may be asked:
# `== COMMAND` and its output, and `== end`. That of iproute2 has the same name; -V tells it apart.
within() {
  if command -v timeout >/dev/null; then timeout 3 "$@"; else "$@"; fi
}
for c in $wanted $(command -v bridge ops-bridge) ~/.local/bin/bridge ~/.local/bin/ops-bridge \
    ~/bin/bridge ~/bin/ops-bridge /usr/local/bin/bridge /opt/*/bin/bridge /opt/*/bin/ops-bridge; do
  p=$(command -v "$c") || continue
  case $seen in *"|$p|"*) continue ;; esac
  seen="$seen|$p|"
  case $(within "$p" -V 2>&1 | head -n 1) in "bridge utility,"*) continue ;; esac
  for how in 'status --json' status; do
    echo "== $c $how"
    within $c $how 2>&1 | head -c 20000
    echo
  done
done
echo "== end"
