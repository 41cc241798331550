"""Makes models of many layers and containers, and records what Keras predicts. check.sh runs it.

Usage: python encoders.py DIR [SEED]    writes models and DIR/encoders.json, which Go compares
"""
import json
import os
import random
import sys
import traceback
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import absl.logging
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

tf.get_logger().setLevel("ERROR")
absl.logging.set_verbosity("error")
warnings.simplefilter("ignore")

directory = sys.argv[1]
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261127
VERSION = tuple(int(part) for part in keras.__version__.split(".")[:2])
KERAS3 = VERSION[0] == 3
IMAGE = (12, 10, 2)
RANDOM = 70  # models that are combined at random
manifest = []


def leaky(slope):
    return L.LeakyReLU(negative_slope=slope) if KERAS3 else L.LeakyReLU(alpha=slope)


def activations():
    """Returns the names of the activations that this version has."""
    names = ["relu", "sigmoid", "softmax", "tanh", "elu", "selu", "gelu", "softplus", "softsign",
             "swish", "silu", "hard_sigmoid", "exponential", "linear", "leaky_relu", "relu6",
             "mish", "log_softmax", "hard_silu", "hard_swish"]
    found = []
    for name in names:
        try:
            keras.activations.get(name)
            found.append(name)
        except ValueError:
            pass
    return found


def single():
    """Returns layers for images, each with what makes a new one of them."""
    makers = {}
    n = iter(range(1000))

    def add(make):
        makers[f"{next(n):02d}"] = make

    for strides in (1, 2, (2, 1), 3):
        for padding in ("same", "valid"):
            add(lambda s=strides, p=padding: L.Conv2D(3, 3, strides=s, padding=p))
    add(lambda: L.Conv2D(4, (1, 5), activation="relu"))
    add(lambda: L.Conv2D(4, (4, 2), padding="same", use_bias=False, activation="tanh"))
    add(lambda: L.Conv2D(3, 3, dilation_rate=2, padding="same"))
    add(lambda: L.Conv2D(3, 3, dilation_rate=(2, 3)))
    add(lambda: L.Conv2D(4, 3, groups=2, padding="same"))
    add(lambda: L.Conv2D(3, 3, activation="softmax"))
    add(lambda: L.Conv2D(3, 3, activation=L.ReLU(max_value=1.0, threshold=0.1)))
    add(lambda: L.Conv2D(3, 3, activation=leaky(0.2)))
    for strides in (1, 2):
        for padding in ("same", "valid"):
            add(lambda s=strides, p=padding: L.SeparableConv2D(
                3, 3, strides=s, padding=p, depth_multiplier=s))
            add(lambda s=strides, p=padding: L.DepthwiseConv2D(
                3, strides=s, padding=p, depth_multiplier=3 - s))
            add(lambda s=strides, p=padding: L.Conv2DTranspose(3, 3, strides=s, padding=p))
            add(lambda s=strides, p=padding: L.MaxPooling2D(3, strides=s, padding=p))
            add(lambda s=strides, p=padding: L.AveragePooling2D((2, 3), strides=s, padding=p))
    add(lambda: L.SeparableConv2D(3, 3, use_bias=False, activation="relu"))
    add(lambda: L.DepthwiseConv2D(3, dilation_rate=2, use_bias=False, activation="elu"))
    add(lambda: L.Conv2DTranspose(3, 4, strides=3, padding="valid", use_bias=False))
    add(lambda: L.Conv2DTranspose(3, 2, strides=3, padding="same", activation="relu"))
    add(lambda: L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1))
    add(lambda: L.MaxPooling2D())
    add(lambda: L.AveragePooling2D(2, padding="same"))
    for pool in (L.GlobalMaxPooling2D, L.GlobalAveragePooling2D):
        add(lambda p=pool: p())
        add(lambda p=pool: p(keepdims=True))
    add(lambda: L.UpSampling2D((2, 3)))
    add(lambda: L.UpSampling2D(2, interpolation="bilinear"))
    add(lambda: L.UpSampling2D((3, 1), interpolation="bilinear"))
    add(lambda: L.ZeroPadding2D(2))
    add(lambda: L.ZeroPadding2D(((1, 0), (2, 3))))
    add(lambda: L.Cropping2D((1, 2)))
    add(lambda: L.Cropping2D(((3, 0), (0, 1))))
    add(lambda: L.BatchNormalization())
    add(lambda: L.BatchNormalization(scale=False, epsilon=0.1))
    add(lambda: L.BatchNormalization(center=False))
    add(lambda: L.BatchNormalization(axis=1))
    add(lambda: L.LayerNormalization())
    add(lambda: L.LayerNormalization(axis=[1, 2, 3], scale=False))
    add(lambda: L.LayerNormalization(axis=1, center=False, epsilon=0.01))
    add(lambda: L.Dense(5, activation="relu"))
    add(lambda: L.Dense(3, use_bias=False))
    for name in activations():
        add(lambda a=name: L.Activation(a))
    add(lambda: L.ReLU())
    add(lambda: L.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.2))
    add(lambda: leaky(0.3))
    add(lambda: leaky(0.1))
    add(lambda: L.PReLU())
    add(lambda: L.PReLU(shared_axes=[1, 2]))
    add(lambda: L.ELU(0.7))
    add(lambda: L.Softmax())
    add(lambda: L.Softmax(axis=1))
    add(lambda: L.Reshape((-1, 4)))
    add(lambda: L.Reshape((5, 6, -1)))
    add(lambda: L.Permute((3, 1, 2)))
    add(lambda: L.Rescaling(1 / 255))
    add(lambda: L.Rescaling(2.0, offset=-1.0))
    add(lambda: L.Normalization(mean=[0.3, 0.1], variance=[2.0, 0.5]))
    add(lambda: adapted(L.Normalization()))
    for layer in (lambda: L.Dropout(0.4), lambda: L.SpatialDropout2D(0.4),
                  lambda: L.GaussianNoise(0.5), lambda: L.GaussianDropout(0.3),
                  lambda: L.ActivityRegularization(l2=0.1)):
        add(layer)
    return makers


def adapted(layer):
    layer.adapt(np.random.default_rng(3).normal(1, 2, (20, *IMAGE)).astype("f4"))
    return layer


def head(x, units=7):
    """Ends an encoder with a layer that is named latent."""
    if len(x.shape) > 2:
        x = L.Flatten()(x)
    return L.Dense(units, name="latent")(x)


def decoder(x, rng):
    """Returns something after the bottleneck, which need not be expressible."""
    kind = rng.randrange(4)
    if kind == 0:
        return L.Dense(240, activation="sigmoid")(x)
    if kind == 1:
        return L.Reshape(IMAGE)(L.Dense(240)(x))
    if kind == 2:
        return L.GRU(8)(L.Reshape((int(x.shape[-1]), 1))(x))
    return L.UnitNormalization()(L.Dense(99)(x))


def randomise(model, rng):
    """Gives all weights values that no other weight has."""
    for w in model.weights:
        name = getattr(w, "path", w.name).split("/")[-1].split(":")[0]
        shape = tuple(w.shape)
        if name in ("mean", "variance", "count"):
            continue  # of Normalization, which computed something of them when it was adapted
        v = rng.normal(0, 1, shape) / max(1, np.sqrt(np.prod(shape[:-1]))) * 1.4
        if "variance" in name:
            v = rng.uniform(0.3, 2, shape)
        elif "gamma" in name:
            v = rng.uniform(0.5, 1.5, shape)
        w.assign(v.astype("f4"))


def predict(model, x):
    """Computes in a graph, or with XLA where TensorFlow has no kernel for this processor."""
    try:
        return np.asarray(model(x, training=False))
    except Exception:
        return np.asarray(tf.function(lambda t: model(t, training=False), jit_compile=True)(x))


def classes(model):
    found = set()
    for layer in model.layers:
        found.add(type(layer).__name__)
        if hasattr(layer, "layers"):
            found |= classes(layer)
    return found


def record(name, model, encoder, layer, narrowest=""):
    """Saves a model, and notes what its encoder predicts. layer is the argument of -layer."""
    rng = np.random.default_rng(len(manifest))
    randomise(model, rng)
    x = rng.normal(0.2, 1, (3, *encoder.input_shape[1:])).astype("f4")
    y = predict(encoder, x)
    base = f"enc_{name}"
    x.tofile(os.path.join(directory, base + ".f32"))
    for end in (".h5", ".keras"):
        # Keras 2.12 calls the archive so, and writes HDF5 into a .keras file by default.
        options = {"save_format": "keras_v3"} if end == ".keras" and VERSION == (2, 12) else {}
        model.save(os.path.join(directory, base + end), **options)
        manifest.append({
            "File": base + end, "Input": base + ".f32", "Layer": layer, "Narrowest": narrowest,
            "Output": y.ravel().astype("f8").tolist(), "Classes": sorted(classes(encoder)),
        })


def attempt(name, make):
    """Makes a model. A layer that this version of Keras does not have is no model."""
    keras.backend.clear_session()
    try:
        make(name)
    except Exception as problem:
        refused.append(f"{name}: {type(problem).__name__}: {str(problem).splitlines()[0][:150]}")
        if os.environ.get("TRACE"):
            traceback.print_exc()


def one_layer(name, make, rng):
    i = x = L.Input(IMAGE)
    y = make()(x)
    z = head(y)
    model = keras.Model(i, decoder(z, rng))
    record(name, model, keras.Model(i, z), "latent")


def merges():
    def merge(make):
        def model(name):
            i = L.Input(IMAGE)
            a = L.Conv2D(3, 3, padding="same", activation="relu")(i)
            b = L.Conv2D(3, 5, padding="same")(i)
            c = L.AveragePooling2D(3, strides=1, padding="same")(b)
            z = head(make()([a, b, c]))
            record(name, keras.Model(i, L.Dense(9)(z)), keras.Model(i, z), "latent")
        return model

    return {"add": merge(L.Add), "concatenate": merge(L.Concatenate),
            "concatenate1": merge(lambda: L.Concatenate(axis=1)), "multiply": merge(L.Multiply),
            "average": merge(L.Average), "maximum": merge(L.Maximum),
            "minimum": merge(L.Minimum)}


def subtract(name):
    i = L.Input(IMAGE)
    z = head(L.Subtract()([L.Conv2D(3, 3)(i), L.Conv2D(3, 3)(i)]))
    record(name, keras.Model(i, z), keras.Model(i, z), "latent")


def channels_first(make):
    def model(name):
        i = L.Input((2, 12, 10))
        z = head(L.Flatten(data_format="channels_first")(make()(i)))
        record(name, keras.Model(i, z), keras.Model(i, z), "latent")
    return model


def first_layers():
    f = {"data_format": "channels_first"}
    return {
        "conv": lambda: L.Conv2D(3, 3, padding="same", strides=2, **f),
        "depthwise": lambda: L.DepthwiseConv2D(3, **f),
        "separable": lambda: L.SeparableConv2D(3, 3, **f),
        "transpose": lambda: L.Conv2DTranspose(3, 3, strides=2, **f),
        "max": lambda: L.MaxPooling2D(2, **f),
        "average": lambda: L.AveragePooling2D(3, padding="same", **f),
        "global": lambda: L.GlobalAveragePooling2D(keepdims=True, **f),
        "up": lambda: L.UpSampling2D(2, **f),
        "zero": lambda: L.ZeroPadding2D(1, **f),
        "crop": lambda: L.Cropping2D(1, **f),
        "norm": lambda: L.BatchNormalization(axis=1),
        "prelu": lambda: L.PReLU(),
    }


def stack(rng, count=None):
    """Returns layers for images that fit one another."""
    pool = [
        lambda: L.Conv2D(rng.choice([2, 3, 8, 16]), rng.choice([1, 2, 3, (3, 5)]),
                         strides=rng.choice([1, 1, 2]), padding=rng.choice(["same", "valid"]),
                         use_bias=rng.random() < 0.7,
                         activation=rng.choice(["relu", "linear", "gelu", "tanh", "selu"])),
        lambda: L.SeparableConv2D(rng.choice([3, 4]), 3, padding="same", activation="relu"),
        lambda: L.DepthwiseConv2D(3, padding="same", depth_multiplier=rng.choice([1, 2])),
        lambda: L.Conv2DTranspose(rng.choice([2, 4]), 3, strides=2, padding="same"),
        lambda: L.MaxPooling2D(2, padding=rng.choice(["same", "valid"])),
        lambda: L.AveragePooling2D(3, strides=2, padding="same"),
        lambda: L.UpSampling2D(2, interpolation=rng.choice(["nearest", "bilinear"])),
        lambda: L.ZeroPadding2D(1),
        lambda: L.BatchNormalization(),
        lambda: L.LayerNormalization(),
        lambda: L.Activation(rng.choice(["relu", "swish", "elu", "softplus"])),
        lambda: leaky(0.1),
        lambda: L.PReLU(shared_axes=[1, 2]),
        lambda: L.Dropout(0.2),
        lambda: L.SpatialDropout2D(0.2),
        lambda: L.Rescaling(0.5, 0.1),
        lambda: L.Dense(3),
    ]
    return [rng.choice(pool)() for _ in range(count or rng.randrange(2, 6))]


def combined(name, rng):
    """Makes a random model in a random container."""
    container = rng.randrange(7)
    if container == 0:  # Sequential, with an input or only the shape of one
        parts = stack(rng) + [L.Flatten(), L.Dense(6, activation=rng.choice(["relu", None]),
                                                   name="latent"), L.Dense(50)]
        if rng.random() < 0.5 or KERAS3:
            model = keras.Sequential([L.Input(IMAGE)] + parts)
        else:
            model = keras.Sequential(parts)
            model.build((None, *IMAGE))
        encoder = keras.Model(model.inputs, model.get_layer("latent").output)
        record(name, model, encoder, "latent" if rng.random() < 0.5 else "", "latent")
        return
    if container == 1:  # encoder and decoder, nested, functional
        i = L.Input(IMAGE)
        x = i
        for layer in stack(rng):
            x = layer(x)
        encoder = keras.Model(i, head(x, 5), name="encoder")
        o = L.Input((5,))
        decode = keras.Model(o, L.Dense(60)(L.Dense(30, activation="relu")(o)), name="decoder")
        outer = L.Input(IMAGE)
        model = keras.Model(outer, decode(encoder(outer)))
        freeze(model, rng)
        record(name, model, encoder, rng.choice(["encoder", "latent", ""]), "encoder/latent")
        return
    if container == 2:  # nested Sequential models
        encoder = keras.Sequential([L.Input(IMAGE)] + stack(rng) + [L.Flatten(), L.Dense(4)],
                                   name="encoder")
        decode = keras.Sequential([L.Input((4,)), L.Dense(20), leaky(0.2), L.Dense(33)],
                                  name="decoder")
        model = keras.Sequential([L.Input(IMAGE), encoder, decode])
        freeze(model, rng)
        record(name, model, encoder, "encoder")
        return
    if container == 3:  # three models deep
        innermost = keras.Sequential([L.Input(IMAGE)] + stack(rng, 2), name="a")
        i = L.Input(IMAGE)
        x = L.BatchNormalization()(innermost(i))
        middle = keras.Model(i, L.Conv2D(3, 1)(x), name="b")
        i = L.Input(IMAGE)
        z = head(L.BatchNormalization()(middle(i)))
        model = keras.Model(i, [decoder(z, rng), z])
        freeze(model, rng)
        record(name, model, keras.Model(i, z), "latent")
        return
    if container == 4:  # a layer and a model that are called twice
        i = L.Input(IMAGE)
        shared = L.Conv2D(2, 3, padding="same", activation="tanh")
        inner = keras.Sequential([L.Input(IMAGE), L.Conv2D(2, 3, padding="same"),
                                  L.BatchNormalization()])
        x = L.Concatenate()([shared(shared(i)), inner(inner(i)), i])
        z = head(x)
        record(name, keras.Model(i, decoder(z, rng)), keras.Model(i, z), "latent")
        return
    # a graph with branches, residuals, and outputs that have nothing to do with the bottleneck
    i = L.Input(IMAGE)
    x = L.Conv2D(4, 3, padding="same", strides=rng.choice([1, 2]))(i)
    for _ in range(rng.randrange(1, 4)):
        y = L.Conv2D(4, 3, padding="same", activation="relu")(x)
        y = L.BatchNormalization()(y)
        x = rng.choice([L.Add, L.Multiply, L.Average, L.Concatenate, L.Maximum])()([x, y])
        x = L.Conv2D(4, 1)(x)
    aside = L.Dense(3, activation="softmax")(L.GlobalMaxPooling2D()(x))
    for layer in stack(rng, 2):
        x = layer(x)
    z = head(L.GlobalAveragePooling2D()(x) if rng.random() < 0.5 else x, 3)
    outputs = [decoder(z, rng), aside]
    if container == 5:
        outputs.reverse()
    record(name, keras.Model(i, outputs), keras.Model(i, z), "latent")


def freeze(model, rng):
    """Freezes some layers: their weights stand elsewhere in an .h5 file."""
    for layer in model.layers:
        if rng.random() < 0.3:
            layer.trainable = False
        elif hasattr(layer, "layers"):
            freeze(layer, rng)


def inputs(name, shape):
    i = L.Input(shape)
    z = L.Dense(4, name="latent")(L.Dense(9, activation="relu")(L.Flatten()(i)))
    record(name, keras.Model(i, L.Dense(20)(z)), keras.Model(i, z), "", "latent")


refused = []
for key, make in single().items():
    attempt(f"layer{key}", lambda name: one_layer(name, make, random.Random(key)))
for key, make in merges().items():
    attempt(f"merge_{key}", make)
attempt("merge_subtract", subtract)
for key, make in first_layers().items():
    attempt(f"first_{key}", channels_first(make))
for key, shape in {"flat": (120,), "rows": (12, 10), "image": (12, 10, 1)}.items():
    attempt(f"input_{key}", lambda name: inputs(name, shape))
for k in range(RANDOM):
    attempt(f"random{k}", lambda name: combined(name, random.Random(seed + k)))

json.dump(manifest, open(os.path.join(directory, "encoders.json"), "w"))
for line in refused:
    print("  not made:", line)
print(f"  Keras encoders: {len(manifest) // 2} models in {len(manifest)} files, "
      f"random ones of seeds {seed} to {seed + RANDOM - 1}; "
      f"{len(refused)} cannot be made", flush=True)
