"""Exchanges models between Keras and the programs in all four ways, with MNIST. check.sh runs it.

Usage: python programs.py DATASETS PROGRAMS DIR    DIR gets all files that are written
"""
import os
import re
import subprocess
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np

from network import build, embedding

datasets, programs, directory = map(os.path.abspath, sys.argv[1:])
network = {"FilterSize": 3, "Filters": [8, 16], "Embedding": 10, "FullyConnected": 0,
           "DropoutRate": 0}
answers = [2, 3, 8, 16]  # to the questions for layers, filter size and filters


def path(name):
    return os.path.join(directory, name)


def data(name, header, dtype="u1"):
    with open(name, "rb") as f:
        return np.frombuffer(f.read()[header:], dtype)


def pixels(name):
    """Returns images with every row divided by its sum, as the programs do it."""
    x = data(name, 16).reshape(-1, 28, 28, 1).astype("f4")
    total = x.sum(axis=2, keepdims=True)
    return x / np.where(total == 0, 1, total)


def run(program, flags, typed):
    """Runs a program and returns its screen."""
    p = subprocess.run([os.path.join(programs, program), "-quiet", *flags], cwd=directory,
                       input="".join(f"{a}\n" for a in typed), capture_output=True, text=True)
    if p.returncode != 0:
        sys.exit(p.stdout + p.stderr)
    return p.stdout


def show(way, ok, text):
    print(f"  {way:24}{text}", flush=True)
    if not ok:
        sys.exit("that is not what was expected")


training, queries = (os.path.join(datasets, d, "images.dat") for d in ("training", "query"))
training_labels, query_labels = (
    os.path.join(datasets, d, "labels.dat") for d in ("training", "query"))
x, q = pixels(training), pixels(queries)
vectors = ["-d", training, "-q", queries, "-od", "latents.dat", "-oq", "query_latents.dat"]

model = build(network)
model.compile(optimizer="rmsprop", loss="mean_squared_error")
model.fit(x, x, epochs=1, batch_size=128, verbose=0)
model.save(path("keras.h5"))

# The vectors are scaled as the original scales them.
run("reduce", vectors, ["Y", "keras.h5"])
v = embedding(model).predict(q, verbose=0)
factor = np.float32(25500) / (v.max(axis=0) - v.min(axis=0))
want = np.rint(v * factor - v.min(axis=0) * factor)
got = data(path("query_latents.dat"), 16, ">u2").reshape(want.shape)
worst = np.abs(got - want).max()
show("Keras -> reduce", worst <= 1,
     f"{want.size} numbers of 0 to 25500 differ by at most {worst:.0f}, "
     f"{np.mean(got != want):.3%} of them at all")

# Phase 1 leaves the encoder as it was.
shown = run("classification",
            ["-d", training, "-dl", training_labels, "-t", queries, "-tl", query_labels,
             "-model", "keras.h5", "-save", "classifier.h5"],
            [*answers, 50, 1, 0, 128, 10, 0.2, "N", "Y", "N"])
right = int(re.search(r"Found (\d+) correct labels", shown)[1])
classifier = keras.models.load_model(path("classifier.h5"))
encoder = [l for l in classifier.layers if l.name.startswith(("conv2d", "batch_normalization"))]
same = all(np.array_equal(a, b) for l in encoder
           for a, b in zip(l.get_weights(), model.get_layer(l.name).get_weights()))
show("Keras -> classification", same and len(encoder) == 4,
     f"{right} of {len(q)} right, on the encoder of Keras, which is as it was")

# The original rounds the probabilities first.
classes = np.rint(classifier.predict(q, verbose=0)).argmax(axis=1)
there = int((classes == data(query_labels, 8)).sum())
show("classification -> Keras", there == right, f"{there} of {len(q)} right")

shown = run("reduce", vectors, ["N", *answers, 1, 128, 10, "N", "Y", "autoencoder.h5", "N", "N"])
loss = float(re.search(r"val_loss: (\S+)", shown)[1])
validation = x[np.random.RandomState(13).permutation(len(x))[:len(x) // 5]]
autoencoder = keras.models.load_model(path("autoencoder.h5"))
there = autoencoder.evaluate(validation, validation, verbose=0)
# The program shows four decimals.
show("reduce -> Keras", abs(there - loss) <= 0.5001e-4,
     f"val_loss {loss}, in Keras {there:.6f}")
