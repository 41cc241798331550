"""Writes expected.json: what h5py (so the HDF5 library) reads from every sample.

Usage: python expect.py FILE.h5 ... > expected.json
Objects are groups and data sets. A data set has its shape and the SHA-256 of its values as
little-endian float32. An attribute has its texts, one a line, or their SHA-256 if they are longer
than 80 characters.
"""
import hashlib
import json
import os
import sys

import h5py
import numpy as np


def attribute(value):
    texts = np.atleast_1d(np.asarray(value, dtype=object))
    lines = [v.decode() if isinstance(v, bytes) else str(v) for v in texts]
    text = "\n".join(lines)
    return text if len(text) <= 80 else hashlib.sha256(text.encode()).hexdigest()


def describe(path):
    out = {"objects": 0, "attributes": {}, "data": {}}

    def visit(name, node):
        name = "/" + name
        out["objects"] += 1
        for key in sorted(node.attrs):
            out["attributes"][name + "@" + key] = attribute(node.attrs[key])
        if isinstance(node, h5py.Dataset) and node.dtype.kind == "f":
            with np.errstate(over="ignore"):
                values = np.asarray(node[()]).astype("<f4")
            out["data"][name] = {
                "shape": list(node.shape),
                "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
            }

    with h5py.File(path, "r") as f:
        visit("", f)
        f.visititems(visit)
    return out


files = sorted(sys.argv[1:], key=os.path.basename)
samples = {os.path.basename(p): describe(p) for p in files}
json.dump(samples, sys.stdout, indent=0, ensure_ascii=False)
print()
