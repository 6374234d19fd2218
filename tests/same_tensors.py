#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether two safetensors files hold the same: names, types, shapes, and every byte.

    tests/same_tensors.py A B [EXCEPT...]

Tensors named in EXCEPT may differ; so may the checksum, which covers them.  Reads the
format by itself, so that the library is not compared with the library.
"""
import json
import sys


def read(path):
    """What is in the file: its texts, and per tensor its type, shape and bytes."""
    with open(path, "rb") as f:
        whole = f.read()
    start = 8 + int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8:start])
    held = {f"text {k}": v for k, v in header.pop("__metadata__", {}).items()
            if k != "spool.crc64"}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        held[name] = (t["dtype"], t["shape"], whole[start + begin:start + end])
    return held


def main():
    a, b = (read(path) for path in sys.argv[1:3])
    differ = [name for name in sorted(a.keys() | b.keys())
              if a.get(name) != b.get(name) and name not in sys.argv[3:]]
    missing = [name for name in sys.argv[3:] if name not in a]
    if differ or missing:
        print(f"of {len(a)} names differ: {differ}; missing: {missing}")
    return bool(differ or missing)


sys.exit(main())
