# The kubeconfigs that a user of this host may mean: those of $wanted, of KUBECONFIG, and in the
# usual places. Prints `open PATH` or `closed PATH`, as may be read or not.
#
# KUBECONFIG is read where a shell would set it; nothing of a profile is run. What somebody has put
# aside is none, and what names no contexts neither.
set_by_shells=$(cat ~/.profile ~/.bash_profile ~/.bashrc ~/.zprofile ~/.zshrc /etc/environment \
    /etc/profile.d/*.sh 2>/dev/null |
  sed -n 's/^[[:blank:]]*\(export[[:blank:]]*\)\{0,1\}KUBECONFIG=\([^;#]*\).*/\2/p' |
  tr -d "\"'" | tr : '\n' | sed "s|^~/|$HOME/|; s|^[$]HOME/|$HOME/|; s|^[$]{HOME}/|$HOME/|")
for f in $wanted $set_by_shells ~/.kube/config ~/.kube/kubeconfig ~/.kube/config-* \
    ~/.kube/*.yaml ~/.kube/*.yml ~/.kube/*.conf ~/.kube/*.kubeconfig \
    /etc/rancher/k3s/k3s.yaml /etc/kubernetes/admin.conf; do
  case $f in '~/'*) f=$HOME/${f#'~/'} ;; esac
  [ -f "$f" ] || continue
  case $seen in *"|$f|"*) continue ;; esac
  seen="$seen|$f|"
  case $f in *.bak.* | *.old.* | *'~' | *.kept | *.bak | *.old | *.orig) continue ;; esac
  case $f in "$HOME"/*) name="~${f#"$HOME"}" ;; *) name=$f ;; esac
  if [ ! -r "$f" ]; then
    echo "closed $name"
  elif grep -q contexts "$f" 2>/dev/null; then
    echo "open $name"
  fi
done
