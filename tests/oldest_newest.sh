#!/usr/bin/env bash
# Runs the tests of training with the oldest and the newest transformers, accelerate and peft that pyproject.toml allows.
#
#     tests/oldest_newest.sh            both
#     tests/oldest_newest.sh oldest     one; or newest
#
# The environments stay under ${TMPDIR:-/tmp}/distill-versions. torch is the one of constraints.txt in both.
set -euo pipefail
cd "$(dirname "$0")/.."
root="$PWD"
environments="${TMPDIR:-/tmp}/distill-versions"

requirements() { # oldest: the floors of the three packages; newest: their ranges; then everything else as it comes
    python3 - "$1" <<'PYTHON'
import re, sys, tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
pinned = Path("constraints.txt").read_text()
for line in [*project["dependencies"], *project["optional-dependencies"]["adapter"]]:
    name = re.split(r"[<>=; ]", line)[0]
    if name == "torch":
        print(re.search(r"^torch==.*$", pinned, re.M).group())
    elif name in ("transformers", "accelerate", "peft"):
        print(f"{name}=={re.search(r'>=([0-9.]+)', line).group(1)}" if sys.argv[1] == "oldest" else line)
    elif name not in ("trl", "bitsandbytes"):
        print(line)
print("pytest>=8\nhypothesis>=6.100")
PYTHON
}

for age in ${1:-oldest newest}; do
    python="$environments/$age/bin/python"
    test -x "$python" || python3 -m venv "$environments/$age"
    requirements "$age" > "$environments/$age.txt"
    "$python" -m pip install --quiet --upgrade -r "$environments/$age.txt"
    "$python" -m pip list 2> /dev/null | grep -E "^(torch|transformers|accelerate|peft) "
    PYTHONPATH="$root" PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest -q -p no:cacheprovider \
        tests/distill/training tests/distill/runs/test_world.py tests/distill/runs/test_signals.py
done
