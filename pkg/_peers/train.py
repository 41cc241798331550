"""Compares training and prediction with TensorFlow, on batches of 128 images of 28x28.

Two encoders that people write follow, for prediction, on batches of 32.

Run it from the top folder.
"""

import json
import os
import subprocess
import sys
import time

from bench import duration, go, machine, table

NETWORKS = [([16, 32, 64], 10), ([8, 16], 10), ([32, 64, 128, 128], 20)]
BATCH = 128
PEOPLES = ["strided encoder", "transposed decoder"]  # as BenchmarkLayers names them
PEOPLES_BATCH = 32


def autoencoder(filters, embedding):
    """Returns the original's model, with filters of size 3."""
    from tensorflow.keras import layers, models

    x = inputs = layers.Input((28, 28, 1))
    for i, n in enumerate(filters):
        x = layers.BatchNormalization()(layers.Conv2D(n, 3, padding="same", activation="relu")(x))
        x = layers.Dropout(0.0)(layers.MaxPooling2D()(x) if i < 2 else x)
    shape = x.shape[1:]
    x = layers.Dense(embedding, name="embedding")(layers.Flatten()(x))
    x = layers.Reshape(shape)(layers.Dense(shape[0] * shape[1] * shape[2])(x))
    for i, n in reversed(list(enumerate(filters))):
        x = layers.BatchNormalization()(layers.Conv2D(n, 3, padding="same", activation="relu")(x))
        x = layers.Dropout(0.0)(layers.UpSampling2D()(x) if i < 2 else x)
    return models.Model(inputs, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x))


def peoples(name):
    """Returns the networks of PEOPLES, those of BenchmarkLayers."""
    from tensorflow.keras import layers, models

    if name == "strided encoder":
        return models.Sequential([
            layers.Input((28, 28, 1)), layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(64, 3, strides=2, activation="relu"), layers.Flatten(),
            layers.Dense(16)])
    return models.Sequential([
        layers.Input((3, 3, 64)), layers.Conv2DTranspose(64, 3, strides=2, activation="relu"),
        layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="relu")])


def tensorflow(cores):
    """Prints TensorFlow's version and the seconds of each network as JSON.

    The seconds of a network are those of a training batch and of a prediction batch; for those of
    PEOPLES they are those of a prediction batch.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)
    images = np.random.default_rng(1).random((40 * BATCH, 28, 28, 1), np.float32)
    found = []
    for filters, embedding in NETWORKS:
        model = autoencoder(filters, embedding)
        model.compile("RMSprop", "mean_squared_error")
        steps = 40 if len(filters) < 4 else 10
        part = images[: steps * BATCH]

        def best(work):
            work()  # the first run builds the graph
            seconds = []
            for _ in range(3):
                start = time.perf_counter()
                work()
                seconds.append((time.perf_counter() - start) / steps)
            return min(seconds)

        found.append((best(lambda: model.fit(part, part, batch_size=BATCH, verbose=0)),
                      best(lambda: model.predict(part, batch_size=BATCH, verbose=0))))
    steps = 100
    for name in PEOPLES:
        model = peoples(name)
        part = np.random.default_rng(1).random(
            (steps * PEOPLES_BATCH, *model.input_shape[1:]), np.float32)
        found.append(best(lambda: model.predict(part, batch_size=PEOPLES_BATCH, verbose=0)))
    print(json.dumps([tf.__version__, found]))


def compare():
    print(f"{machine()}\n")
    rows = []
    for cores in (1, 2):
        child = subprocess.run([sys.executable, __file__, str(cores)],
                               check=True, capture_output=True, text=True)
        version, theirs = json.loads(child.stdout.splitlines()[-1])
        training = go("./pkg/nn/cpu", "BenchmarkTrainingStep", cores)
        prediction = go("./pkg/nn/cpu", "BenchmarkPrediction", cores)
        for (filters, _), (step, predict) in zip(NETWORKS, theirs):
            name = "_".join(map(str, filters))
            works = ("training", step, training), ("prediction", predict, prediction)
            for work, peer, ours in works:
                by = {k.rsplit("/", 1)[1]: v for k, v in ours.items() if f"filters=[{name}]" in k}
                fastest = min(by.values())
                kernels = ", ".join(f"{k} {duration(v)}" for k, v in by.items())
                rows.append([name.replace("_", "/"), work, str(cores), duration(peer),
                             duration(fastest), f"{peer / fastest:.2f}", kernels])
        pattern = "BenchmarkLayers/(" + "|".join(n.replace(" ", "_") for n in PEOPLES) + ")$"
        layers = go("./pkg/nn/cpu", pattern, cores)
        for name, peer in zip(PEOPLES, theirs[len(NETWORKS):]):
            ours = layers["BenchmarkLayers/" + name.replace(" ", "_")]
            rows.append([name, f"prediction of {PEOPLES_BATCH}", str(cores), duration(peer),
                         duration(ours), f"{peer / ours:.2f}", ""])
    table(["filters", f"a batch of {BATCH}", "cores", f"TensorFlow {version}", "here", "ratio",
           "kernels"], rows)


if len(sys.argv) > 1:
    tensorflow(int(sys.argv[1]))
else:
    compare()
