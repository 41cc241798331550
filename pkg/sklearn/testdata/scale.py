"""Records what scikit-learn's MinMaxScaler((0, 25500)) makes of float32 columns, rounded to whole
numbers: scale.json.

Made with Python 3.11, scikit-learn 1.9.1, NumPy 2.4.6.
"""
import json

import numpy as np
from sklearn.preprocessing import MinMaxScaler

rng = np.random.RandomState(2)
cases = {
    "normal": rng.randn(60, 5),
    "far from zero": rng.randn(60, 5) + 1000,
    "negative": -rng.rand(60, 3) - 5,
    "tiny": rng.rand(40, 3) * 1e-30,
    "large": rng.randn(40, 3) * 1e30,
    "few float32 apart": 1e30 + rng.randint(0, 3, (40, 3)) * 1e23,
    "constant columns": np.tile([0, -3.25, 7e5], (10, 1)),
    "ranges about the one that counts as none": np.linspace(0, 1, 21)[:, None]
    * np.array([1.1e-6, 1.19e-6, 1.1920929e-06, 1.1920930e-06, 1.2e-6, 1.3e-6]),
    "halves": np.arange(51001)[::50, None] / 2.0,
    "one row": rng.randn(1, 4),
    "thousandths": rng.randint(0, 1000, (200, 2)) / 1000,
    "spread as an embedding": rng.randn(300, 10) * rng.rand(10) * 30 + rng.randn(10) * 10,
}
out = []
for name, x in cases.items():
    x = x.astype(np.float32)
    y = MinMaxScaler((0, 25500)).fit_transform(x)
    assert y.dtype == np.float32
    out.append({
        "name": name,
        "dim": x.shape[1],
        "in": [float(v) for v in x.ravel()],
        "out": [int(v) for v in np.rint(y).ravel()],
    })
with open("scale.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
