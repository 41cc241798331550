"""Records what Keras' progress line shows on a terminal, at given times: progress.json.

Made with TensorFlow 2.15.1.

A case is a list of [time in seconds, step, loss, val_loss]. loss is null for a prediction; val_loss
is null except in the last state of an epoch.
"""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from keras.src.utils import generic_utils

clock = 0.0
generic_utils.time.time = lambda: clock


class Terminal:
    def __init__(self):
        self.text = ""

    def write(self, s):
        self.text += s

    def flush(self):
        pass

    def isatty(self):
        return True


def record(steps, states):
    global clock
    screen, sys.stdout = Terminal(), None
    sys.stdout = screen
    # Far from 0, so that the first state is not held back as too early; a power of two, so that
    # differences stay exact.
    start = 2.0**20
    clock = start
    try:
        losses = {"loss", "val_loss"}
        bar = generic_utils.Progbar(target=steps, stateful_metrics=losses, unit_name="step")
        for at, step, loss, val in states:
            clock = start + at
            values = [(k, v) for k, v in (("loss", loss), ("val_loss", val)) if v is not None]
            bar.update(step, values, finalize=val is not None or loss is None and step == steps)
    finally:
        sys.stdout = sys.__stdout__
    return screen.text


cases = {
    "an epoch of four steps": (4, [
        [0.5, 1, 0.3164, None], [0.75, 2, 0.25, None], [1, 3, 0.1, None], [1.25, 4, 0.0295, None],
        [2.5, 4, 0.0295, 0.004],
    ]),
    "states that come too fast": (375,
        [[i / 64, i, 1 / i, None] for i in range(1, 376)] + [[6, 375, 1 / 375, 0.5]]),
    "hours, minutes and seconds left": (100000, [
        [0.25, 1, 9.5, None], [0.5, 2, 9.5, None], [1, 5, 9.5, None], [1.25, 500, 9.5, None],
        [1.5, 99999, 9.5, None],
    ]),
    "a line that gets shorter": (5, [
        [1000, 1, 12345.6789, None], [1001, 2, 0.5, None], [1002, 3, 5e-5, None],
        [1003, 4, 0.5, None], [1003.5, 5, 0.5, None], [1004, 5, 0.5, 1e-3],
    ]),
    "one step": (1, [[0.0625, 1, 0.001, None], [3.5, 1, 0.001, 0.00100001]]),
    "slow steps": (2, [[1.5, 1, 2.0, None], [4, 2, 1.0, None], [5, 2, 1.0, 1.0]]),
    "quick steps": (4000, [[0.001, 1, 2.0, None], [1, 4000, 1.0, None], [1.25, 4000, 1.0, 1.0]]),
    "a prediction": (10, [
        [0.125, 1, None, None], [0.15, 2, None, None], [0.25, 3, None, None], [0.5, 10, None, None],
    ]),
    "a quick prediction": (3, [
        [0.001, 1, None, None], [0.0012, 2, None, None], [0.0015, 3, None, None],
    ]),
    "a prediction of one step": (1, [[0.25, 1, None, None]]),
    "losses that are no numbers": (3, [
        [1, 1, float("nan"), None], [2, 2, float("inf"), None], [3, 3, float("-inf"), None],
    ]),
    "halves are rounded to even": (8, [
        [0.5, 1, 0.00125, None], [2.5, 6, 0.03125, None], [3, 8, 0.00000762939453125, None],
        [3.5, 8, 0.28125, 0.53125],
    ]),
}
out = [
    {"name": name, "steps": steps, "states": states, "screen": record(steps, states)}
    for name, (steps, states) in cases.items()
]
# JSON has no NaN; such a loss is written as a text.
for case in out:
    case["states"] = [
        [str(v) if isinstance(v, float) and v - v != 0 else v for v in s] for s in case["states"]
    ]
with open("progress.json", "w") as f:
    json.dump(out, f, indent=0, separators=(",", ":"))
    f.write("\n")
