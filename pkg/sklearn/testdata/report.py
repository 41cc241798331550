"""Records what scikit-learn's classification_report and NumPy's print of confusion_matrix show for
some labels: report.json.

Made with Python 3.11, scikit-learn 1.9.1, NumPy 2.4.6. Warnings about divisions by zero are on
stderr.
"""
import json

import numpy as np
from sklearn.metrics import classification_report, confusion_matrix

rng = np.random.RandomState(1)


def noisy(n, classes, share):
    true = rng.randint(0, classes, n)
    return true, np.where(rng.rand(n) < share, rng.randint(0, classes, n), true)


cases = {
    "ten classes": noisy(2000, 10, 0.1),
    "all right": (np.arange(30) % 10, np.arange(30) % 10),
    "two classes": ([0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0, 1, 1]),
    "one class": ([0, 0, 0], [0, 0, 0]),
    "one image, wrong": ([1], [0]),
    "a class never predicted": ([0, 1, 2, 2, 1, 0], [0, 1, 0, 0, 1, 0]),
    "a class never true": ([0, 1, 1, 0, 0], [0, 1, 2, 2, 0]),
    "quarters and halves": (
        [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2],
        [0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 0, 0, 1],
    ),
    "large counts wrap": (
        np.repeat(np.arange(16), 150),
        (np.repeat(np.arange(16), 150) + (np.arange(2400) % 7 == 0)) % 16,
    ),
    "sixteen classes, width 4": (np.repeat(np.arange(16), 1001), np.repeat(np.arange(16), 1001)),
    "thirty-one classes": noisy(600, 31, 0.3),
    "thirty-two classes are abridged": noisy(900, 32, 0.3),
    "a large class out of sight": (
        np.repeat(np.arange(40), [3] * 20 + [5000] + [3] * 19),
        np.repeat(np.arange(40), [3] * 20 + [5000] + [3] * 19),
    ),
    "two hundred and fifty-six classes": noisy(3000, 256, 0.5),
}
for n in (8, 9, 12, 17):
    for share in (0.2, 0.5):
        for size in (20, 40, 80):
            cases[f"{size} labels of {n} classes, {share} at random"] = noisy(size, n, share)

out = []
for name, (true, predicted) in cases.items():
    out.append({
        "name": name,
        "true": [int(c) for c in true],
        "predicted": [int(c) for c in predicted],
        "report": classification_report(true, predicted),
        "matrix": str(confusion_matrix(true, predicted)),
    })
with open("report.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
