# SPDX-License-Identifier: MIT
#
# writer.py - what the record_*.py scripts share: a safetensors writer without
# dependencies, a collection of named tensors, and a seed per case.
import json
import os
import platform
import struct
import zlib

import torch

CODES = {torch.float64: "F64", torch.int64: "I64", torch.float32: "F32",
         torch.int32: "I32", torch.bool: "BOOL"}
HERE = os.path.dirname(os.path.abspath(__file__))


def seed(case):
    """Each case draws from a seed of its own name, so that adding one moves no other."""
    torch.manual_seed(zlib.crc32(case.encode()))


class Record(dict):
    """Tensors by name; numbers become scalars of rank 0, in f64 or i64."""

    def put(self, name, value):
        if not torch.is_tensor(value):
            value = torch.tensor(value, dtype=torch.int64 if type(value) is int else torch.float64)
        assert name not in self, name
        self[name] = value.detach().clone().contiguous()

    def put_all(self, prefix, values):
        for name, value in values.items():
            self.put(f"{prefix}.{name}", value)

    def save(self, file, **notes):
        versions = {"torch": torch.__version__, "python": platform.python_version()}
        size = save(os.path.join(HERE, file), self, {"format": "pt", **versions, **notes})
        print(f"{file}: {len(self)} tensors, {size} bytes, "
              + ", ".join(f"{k} {v}" for k, v in versions.items()))


def save(path, tensors, metadata):
    """Widest dtype first, then by name: every tensor lies on a multiple of its element size."""
    order = sorted(tensors, key=lambda n: (list(CODES).index(tensors[n].dtype), n))
    header, end = {"__metadata__": metadata}, 0
    for name in order:
        x = tensors[name]
        begin, end = end, end + x.numel() * x.element_size()
        header[name] = {"dtype": CODES[x.dtype], "shape": list(x.shape),
                        "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            f.write(tensors[name].numpy().tobytes())
    return 8 + len(text) + end


torch.set_num_threads(1)
