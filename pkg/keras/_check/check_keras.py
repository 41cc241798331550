"""Reads models that Go wrote, and writes models that Go reads. check.sh runs it.

Usage: python check_keras.py DIR
"""
import json
import os
import sys
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import h5py
import keras
import numpy as np
import tensorflow as tf

from network import build, embedding

tf.get_logger().setLevel("ERROR")
TOLERANCE = 1e-5

directory = sys.argv[1]
print(f"Keras {keras.__version__}, TensorFlow {tf.__version__}, h5py {h5py.__version__}, "
      f"HDF5 {h5py.version.hdf5_version}, Python {sys.version.split()[0]}", flush=True)

models = json.load(open(os.path.join(directory, "models.json")))
images = np.fromfile(os.path.join(directory, "input.f32"), "<f4").reshape(-1, 28, 28, 1)
labels = keras.utils.to_categorical([7, 2, 1, 0, 4], 10)


def predict(model):
    parts = model, embedding(model)
    return [np.asarray(part.predict(images, verbose=0)).ravel() for part in parts]


def compare(what, name, model, m):
    wanted = (np.array(m[key], "f4") for key in ("Output", "Latent"))
    worst = max(float(np.max(np.abs(got - want))) for got, want in zip(predict(model), wanted))
    print(f"  Keras {what:10} {name:45} differs by {worst:.1e}", flush=True)
    if not worst <= TOLERANCE:
        sys.exit(f"{name}: predictions differ by {worst}, expected at most {TOLERANCE}")


def read(_, node):
    """Reads everything in a node, so that h5py warns of what it does not like."""
    dict(node.attrs)
    if isinstance(node, h5py.Dataset):
        node[()]


def check_compiled(model, m):
    loss = getattr(model.loss, "__name__", model.loss)
    if loss != m["Loss"] or type(model.optimizer).__name__ != m["Optimizer"]:
        sys.exit(f"compiled with {loss} and {model.optimizer}, "
                 f"expected {m['Loss']} and {m['Optimizer']}")
    target = labels if m["FullyConnected"] else images
    before = model.evaluate(images, target, verbose=0)
    model.fit(images, target, epochs=3, verbose=0)
    after = model.evaluate(images, target, verbose=0)
    if not (np.isfinite(before) and np.isfinite(after) and before != after):
        sys.exit(f"training went from a loss of {before} to {after}")


def has_layer_names(path):
    with h5py.File(path) as f:
        if "layer_names" in f.attrs:
            return True
        return "layers" in f and "name" in f["layers/conv2d/vars"].attrs


written = []
for m in models:
    target = labels if m["FullyConnected"] else images
    name = f"go_{m['Name']}.h5"
    path = os.path.join(directory, name)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with h5py.File(path) as f:
            f.visititems(read)
    model = keras.models.load_model(path)
    compare("load_model", name, model, m)
    check_compiled(model, m)

    model = build(m)
    model.load_weights(path, by_name=True)
    compare("by_name", name, model, m)
    model = build(m)
    model.load_weights(path)
    compare("by place", name, model, m)

    model = build(m)
    model.compile(optimizer=m["Optimizer"].lower(), loss=m["Loss"])
    model.fit(images, target, epochs=5, batch_size=2, verbose=0)
    output, latent = (p.tolist() for p in predict(model))
    base = f"keras_{m['Name']}"
    for ending in (".h5", ".keras", ".weights.h5"):
        file = base + ending
        if ending == ".weights.h5":
            model.save_weights(os.path.join(directory, file))
        else:
            model.save(os.path.join(directory, file))
        for how in ("load", "by_name"):
            # A .weights.h5 file has no model. Only newer versions put the names of layers into it;
            # without them the encoder is found by the classes of its layers.
            if ending == ".weights.h5":
                if how == "load":
                    continue
                if not has_layer_names(os.path.join(directory, file)):
                    how = "by_class"
            written.append({"File": file, "Model": m["Name"], "How": how,
                            "Output": output, "Latent": latent})
json.dump(written, open(os.path.join(directory, "keras.json"), "w"))
