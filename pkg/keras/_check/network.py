"""Builds the networks of the original program in Keras, for the scripts beside this one."""
import keras
import numpy as np
from keras import layers


def build(m):
    """Returns the network of the sizes in m: a classifier if it has a fully connected layer."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    name = {"name": "input_1"} if keras.__version__.startswith("3") else {}
    x = inputs = layers.Input((28, 28, 1), **name)
    for i, f in enumerate(m["Filters"]):
        x = layers.Conv2D(f, m["FilterSize"], padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
        if i < 2:
            x = layers.MaxPooling2D((2, 2))(x)
        x = layers.Dropout(m["DropoutRate"])(x)
    shape = x.shape[1:]
    x = layers.Flatten()(x)
    x = layers.Dense(m["Embedding"], name="embedding")(x)
    if m["FullyConnected"]:
        x = layers.Dense(m["FullyConnected"], name="fully_connected")(x)
        x = layers.Dropout(m["DropoutRate"], name="final_dropout")(x)
        x = layers.Dense(10, activation="softmax", name="output")(x)
        return keras.Model(inputs, x)
    x = layers.Dense(int(np.prod(shape)))(x)
    x = layers.Reshape(tuple(shape))(x)
    for i in reversed(range(len(m["Filters"]))):
        x = layers.Conv2D(m["Filters"][i], m["FilterSize"], padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
        if i < 2:
            x = layers.UpSampling2D((2, 2))(x)
        x = layers.Dropout(m["DropoutRate"])(x)
    x = layers.Conv2D(1, m["FilterSize"], padding="same", activation="sigmoid")(x)
    return keras.Model(inputs, x)


def embedding(model):
    """Returns the part of a model that ends with the latent vectors."""
    return keras.Model(model.inputs, model.get_layer("embedding").output)
