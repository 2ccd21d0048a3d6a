# shellcheck shell=sh disable=SC2154  # the call sets what is not set here
# What the host's sshd has said in the last quarter of an hour about connections of the fleet: each line
# that names one of the addresses in $known, and what else the same process said without naming any.
# Nothing about other clients leaves the host.
of_the_fleet() {
  journalctl --no-pager -o short-iso --no-hostname --since=-15min -n 4000 \
    -t sshd -t sshd-session -t sshd-auth 2>&1 | awk -v known="$known" '
    BEGIN { n = split(known, wanted, " ") }
    {
      line[NR] = $0
      text = " " $0 " "
      gsub(/[^0-9a-fA-F.:]+/, " ", text)
      for (i = 1; i <= n; i++) if (index(text, " " wanted[i] " ")) { named[NR] = 1; seen[$2] = 1 }
    }
    END {
      for (i = 1; i <= NR; i++) {
        split(line[i], part, " ")
        if (named[i] || ((part[2] in seen) && line[i] !~ / (from|by|with) /)) print line[i]
        else if (line[i] ~ /insufficient permissions|not seeing messages/) print line[i]
      }
    }' | tail -n 20
}
