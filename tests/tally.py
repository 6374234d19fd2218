#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts single tests in the logs of `meson test` (testlog.json, one line per executable).

Check says how many tests an executable held; a line `skipped: why` stands for one of them that
could not run.  An executable without Check counts as one test.  Prints what failed, to standard
error, and `passed failed skipped` as three numbers.
"""
import json
import re
import sys

SUMMARY = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
SKIPPED = re.compile(r"^skipped: .*", re.M)


def count(test):
    """(passed, failed, skipped) of one executable."""
    out = test.get("stdout", "") or ""
    ok = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return 0, 0, 1
    runs = [tuple(map(int, m)) for m in SUMMARY.findall(out)]
    if not runs:
        return (1, 0, 0) if ok else (0, 1, 0)
    total = sum(r[0] for r in runs)
    failed = sum(r[1] + r[2] for r in runs)
    if not ok and failed == 0:                  # stopped after, or besides, its tests
        total, failed = total + 1, 1
    skipped = min(len(SKIPPED.findall(out)), total - failed)
    return total - failed - skipped, failed, skipped


def tell(test):
    text = (test.get("stdout", "") or "") + (test.get("stderr", "") or "")
    print(f"--- {test['name']}: {test['result'].lower()}", file=sys.stderr)
    print("\n".join(text.splitlines()[-25:]), file=sys.stderr)


def main(paths):
    sums = [0, 0, 0]
    for path in paths:
        with open(path, encoding="utf-8") as log:
            for test in map(json.loads, log):
                one = count(test)
                sums = [a + b for a, b in zip(sums, one)]
                if one[1]:
                    tell(test)
                for why in SKIPPED.findall(test.get("stdout", "") or ""):
                    print(f"{test['name']}: {why}", file=sys.stderr)
    print(*sums)


main(sys.argv[1:])
