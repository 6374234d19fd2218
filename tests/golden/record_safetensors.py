# SPDX-License-Identifier: MIT
"""Writes numpy.safetensors with the reference implementation of the format.

    python3 -m venv v && v/bin/pip install safetensors numpy
    v/bin/python record_safetensors.py        (recorded with safetensors 0.8.0, numpy 2.4.6)

Every dtype that NumPy has and Spool reads, extreme values, all ranks from 0 to 6, empty tensors,
and names that need escapes.  The expected values stand in tests/test_safetensors.c.
"""
import pathlib

import numpy as np
from safetensors.numpy import save_file

tensors = {
    "f64": np.array([0.1, -0.0, np.inf, 5e-324, 1.7976931348623157e308]),
    "f32": np.array([[0.1, -2.5, 1e-45], [3.4028235e38, -np.inf, 7]], np.float32),
    "f16": np.array([1, -2, 65504, 6e-8, 6.1e-5, 0.333251953125, np.inf, -0.0], np.float16),
    "i64": np.array([-(2**63), 2**63 - 1, 2**53 + 1]),
    "i32": np.array([-(2**31), 2**31 - 1], np.int32),
    "i16": np.array([-32768, 32767], np.int16),
    "i8": np.array([-128, 127], np.int8),
    "u64": np.array([0, 2**63 - 1], np.uint64),
    "u32": np.array([0, 2**32 - 1], np.uint32),
    "u16": np.array([0, 65535], np.uint16),
    "u8": np.array([0, 255, 7], np.uint8),
    "bool": np.array([True, False, True]),
    "scalar": np.array(42.5),
    "rank6": np.arange(64, dtype=np.float32).reshape(2, 2, 2, 2, 2, 2),
    "empty": np.zeros((3, 0, 2), np.float32),
    'quote " slash \\ tab \t \x01 é € 😀': np.array([1, 2, 3], np.int32),
}
metadata = {"format": "np", "note": 'two\nlines, "quoted", 😀', "empty": ""}
save_file(tensors, pathlib.Path(__file__).parent / "numpy.safetensors", metadata)
