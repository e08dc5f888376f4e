#!/bin/sh
# Choose a Python and have it install: sh requirements/install.sh FOLDER SET [PYTHON]
#
# FOLDER is the virtual environment, SET one of run, scale and dev. Without PYTHON it is the
# folder's own, else the first of these on the PATH that can be used: those that the suite runs on,
# the newest first, then others. A name alone proves nothing: a pyenv shim may lead nowhere.
folder=$1
name=$2
if [ -n "$3" ]; then
  asked=$3
  set -- "$3"
else
  asked=
  set -- "$folder/bin/python" python3.13 python3.12 python3.11 python3.14 python3 python
fi

# Says what it is. Ends with 3 if it is too old, with 4 if it makes no virtual environments.
probe='
import os, sys
print("%d.%d.%d (%s)" % (sys.version_info[:3] + (os.path.realpath(sys.executable),)))
if sys.version_info < (3, 11):
    sys.exit(3)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(4)
'
old=
bare=
why=
for python in "$@"; do
  what=$("$python" -c "$probe" 2>/dev/null)
  case $? in
    0) exec "$python" "$(dirname "$0")/install.py" "$folder" "$name" ;;
    3) case $old in *"$what"*) ;; *) old="$old${old:+, }$what" ;; esac ;;
    4) bare=${bare:-$what} ;;
    # A shim is there, and says itself why it leads nowhere.
    *) if [ -z "$why" ] && command -v "$python" >/dev/null; then why="$python says: $("$python" -c "$probe" 2>&1)"; fi ;;
  esac
done

if [ -n "$bare" ]; then
  version=${bare#*.}
  echo "Python $bare has no venv module: install it first, on Debian and Ubuntu with apt install python3.${version%%.*}-venv." >&2
elif [ -n "$old" ]; then
  echo "Switchboard needs Python 3.11 or newer, found only $old: install a newer one, or name it with PYTHON=." >&2
elif [ -n "$asked" ]; then
  echo "PYTHON=$asked does not run: name a Python 3.11 or newer." >&2
else
  echo "Switchboard needs Python 3.11 or newer, and no Python was found on the PATH: install one, or name it with PYTHON=." >&2
fi
if [ -n "$why" ]; then
  printf '%s\n' "$why" >&2
fi
exit 1
