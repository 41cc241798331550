"""Records model.summary() of the two networks: summary_*.txt. Made with TensorFlow 2.15.1.

The models are built by the rules that the package documents: blocks of convolution, batch
normalisation, pooling (twice at most) and dropout.
"""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from tensorflow.keras import Model, backend
from tensorflow.keras.layers import (BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input,
                                     MaxPooling2D, Reshape, UpSampling2D)


def encoder(x, filters, k, rate):
    for i, f in enumerate(filters):
        x = Conv2D(f, (k, k), padding="same", activation="relu")(x)
        x = BatchNormalization()(x)
        if i < 2:
            x = MaxPooling2D((2, 2))(x)
        x = Dropout(rate)(x)
    return x


def autoencoder(rows, cols, filters, k, embedding):
    i = Input((rows, cols, 1))
    x = encoder(i, filters, k, 0)
    h, w, f = x.shape[1:]
    x = Flatten()(x)
    x = Dense(embedding, name="embedding")(x)
    x = Dense(h * w * f)(x)
    x = Reshape((h, w, f))(x)
    for j in reversed(range(len(filters))):
        x = Conv2D(filters[j], (k, k), padding="same", activation="relu")(x)
        x = BatchNormalization()(x)
        if j < 2:
            x = UpSampling2D((2, 2))(x)
        x = Dropout(0)(x)
    return Model(i, Conv2D(1, (k, k), padding="same", activation="sigmoid")(x))


def classifier(rows, cols, filters, k, embedding, fc, classes, frozen):
    i = Input((rows, cols, 1))
    x = Flatten()(encoder(i, filters, k, 0.2))
    x = Dense(embedding, name="embedding")(x)
    x = Dense(fc, name="fully_connected")(x)
    x = Dropout(0.2, name="final_dropout")(x)
    m = Model(i, Dense(classes, activation="softmax", name="output")(x))
    for layer in m.layers[:frozen]:
        layer.trainable = False
    return m


for name, build in {
    "autoencoder": lambda: autoencoder(28, 28, [16, 32, 64], 3, 10),
    "rectangular": lambda: autoencoder(100, 200, [3, 700, 2, 11, 5], 2, 123),
    "tiny": lambda: autoencoder(2, 2, [1], 1, 1),
    "classifier": lambda: classifier(28, 28, [8, 16], 5, 10, 50, 10, 0),
    "classifier_frozen": lambda: classifier(28, 28, [8, 16], 5, 10, 50, 10, 9),
}.items():
    backend.clear_session()
    with open(f"summary_{name}.txt", "w") as f:
        build().summary(print_fn=lambda line: f.write(line + "\n"))
