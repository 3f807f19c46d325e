#!/bin/sh
# Prints the path of a Python that Holdfast supports: $PYTHON, if set, else the first of 3.12 and 3.11 that runs.
# Its presence in PATH isn't enough: version managers leave launchers there for versions that aren't active.
usable='import sys, venv, ensurepip; sys.version_info[:2] in ((3, 11), (3, 12)) or sys.exit(1); print(sys._base_executable)'
for candidate in ${PYTHON:-python3.12 python3.11 python3 python}; do
    if found=$("$candidate" -c "$usable" 2>/dev/null); then
        echo "$found"
        exit 0
    fi
done
echo "Holdfast needs Python 3.12 or 3.11 (with venv); ${PYTHON:-the python3 found here} is neither." \
    "Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
exit 1
