"""Makes dense.h5, dense_small.h5, dense_deep.h5.gz, filters.h5, layouts.h5, pipelines.h5,
checked.h5 and the files in unsupported/ with h5py.

Usage: python make.py
"""
import gzip
import itertools
import tempfile

import h5py
import numpy as np

rng = np.random.default_rng(1)


def values(*shape):
    return rng.normal(size=shape).astype("<f4")


# New-style groups and attributes beyond the limits of their headers: fractal heaps with indirect
# blocks, B-trees with inner nodes.
with h5py.File("dense.h5", "w", libver="latest") as f:
    few = f.create_group("few")
    for i in range(9):
        few[f"member {i}"] = values(i % 3 + 1)
    many = f.create_group("many")
    for i in range(1500):
        many.create_group(f"a group with quite a long name, to fill the heap, {i}")
    attributes = f.create_group("attributes", track_order=True)
    for i in range(400):
        attributes.attrs[f"attribute {i}"] = "x" * (i % 40)

# The same in few bytes.
with h5py.File("dense_small.h5", "w", libver="latest") as f:
    for i in range(9):
        f.create_group(f"group {i}")
        f.attrs[f"attribute {i}"] = "x" * i

# A heap so large that it has an indirect block below another. The file is compressed, because it is
# mostly the same letter.
with tempfile.TemporaryDirectory() as folder:
    with h5py.File(folder + "/deep.h5", "w", libver="latest") as f:
        for i in range(250):
            f.attrs[f"attribute {i}"] = np.bytes_(f"{i} " + "x" * 3900)
    with open(folder + "/deep.h5", "rb") as f, open("dense_deep.h5.gz", "wb") as out:
        out.write(gzip.compress(f.read(), 9, mtime=0))

# Every filter alone and together, in both byte orders, with chunks that reach over the border, and
# an index of two levels.
with h5py.File("filters.h5", "w") as f:
    for dtype in ("<f2", ">f2", "<f4", ">f4", "<f8", ">f8"):
        for name, options in {
            "plain": {},
            "gzip": {"compression": "gzip"},
            "shuffle": {"shuffle": True},
            "fletcher32": {"fletcher32": True},
            "all": {"compression": 9, "shuffle": True, "fletcher32": True},
        }.items():
            data = values(7, 5, 3).astype(dtype)
            f.create_dataset(f"{name} {dtype}", data=data, chunks=(3, 2, 3), **options)
    f.create_dataset("many chunks", data=values(300), chunks=(1,))
    f.create_dataset("one value", data=values(1), chunks=(1,), compression="gzip")
    special = [np.inf, -np.inf, 0, -0.0, 65504, 6e-8, 6.1e-5, -1.5]
    f.create_dataset("special", data=np.array(special, "<f2"))
    f.create_dataset("extremes", data=np.array([1e-45, 1e39, -1e-40, 16777217, 0.1], "<f8"))
    f.create_dataset("empty", data=np.zeros((0, 3), "<f4"))

# What the package does not read, each under a name that says what it is.
with h5py.File("unsupported/features.h5", "w", libver=("earliest", "latest")) as f:
    f["integers"] = np.arange(3)
    f["compound"] = np.zeros(2, [("a", "f4"), ("b", "i4")])
    f["soft"] = h5py.SoftLink("/integers")
    f["external"] = h5py.ExternalLink("other.h5", "/x")
    f["type"] = np.dtype("<f4")
    f.create_dataset("shared type", (3,), dtype=f["type"])[...] = 1
    f.create_dataset("lzf", data=values(100), compression="lzf")
    f.create_dataset("missing chunks", (10,), "<f4", chunks=(5,))[:5] = 1
    f.create_dataset("fill value", (10,), "<f4", fillvalue=3)
    f.create_dataset("never written", (10,), "<f4")
    f.create_dataset("far too many", (1 << 21,), "<f4")
    f.create_dataset("outside", (4,), "<f4", external=[("values.raw", 0, 16)])
    f.attrs["number"] = 3
    f.attrs["truth"] = True
    f.attrs["list of numbers"] = [1.5, 2.5]

with h5py.File("unsupported/chunk_indexes.h5", "w", libver="latest") as f:
    f.create_dataset("single chunk", data=values(10), chunks=(10,))
    f.create_dataset("fixed array", data=values(10), chunks=(5,))
    f.create_dataset("extensible array", data=values(10), chunks=(5,), maxshape=(None,))
    f.create_dataset("B-tree", data=values(4, 4), chunks=(2, 2), maxshape=(None, None))

# An old-style group with a link to a name.
with h5py.File("unsupported/soft_link.h5", "w") as f:
    f["soft"] = h5py.SoftLink("/elsewhere")

# The kinds of storage and text that the other files lack: values in the header, a filter pipeline
# of version 2, members in the order of their creation, texts that end with a NUL byte or are padded
# with spaces.
with h5py.File("layouts.h5", "w", libver="v108") as f:
    for dtype in ("<f2", ">f4", "<f8"):
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        compact.set_obj_track_times(False)
        space = h5py.h5s.create_simple((3, 4))
        data = h5py.h5d.create(
            f.id, f"compact {dtype}".encode(), h5py.h5t.py_create(np.dtype(dtype)), space, compact
        )
        data.write(space, space, values(3, 4).astype(dtype))
    every = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    f.create_dataset("chunked", data=values(9, 5), chunks=(4, 2), **every)
    ordered = f.create_group("ordered", track_order=True)
    for name in ("second", "first", "τρίτο"):
        ordered.create_group(name)
    for name, padding in (
        ("NUL at the end", h5py.h5t.STR_NULLTERM),
        ("spaces at the end", h5py.h5t.STR_SPACEPAD),
    ):
        text = h5py.h5t.C_S1.copy()
        text.set_size(9)
        text.set_strpad(padding)
        attribute = h5py.h5a.create(f.id, name.encode(), text, h5py.h5s.create_simple((3,)))
        attribute.write(np.array([b"one", b"", b"a b  c"], "S9"))

# Filters in every order, chunks of many shapes, chunks that leave out filters, and a chunk whose
# sums of fletcher32 are multiples of 65535.
with h5py.File("pipelines.h5", "w") as f:
    steps = {
        "deflate": lambda p: p.set_deflate(4),
        "shuffle": lambda p: p.set_shuffle(),
        "fletcher32": lambda p: p.set_fletcher32(),
    }
    for count in (2, 3):
        for order in itertools.permutations(steps, count):
            pipeline = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            pipeline.set_chunk((3, 2))
            for step in order:
                steps[step](pipeline)
            for dtype in ("<f4", ">f8"):
                data = h5py.h5d.create(
                    f.id,
                    f"{', '.join(order)} {dtype}".encode(),
                    h5py.h5t.py_create(np.dtype(dtype)),
                    h5py.h5s.create_simple((4, 5)),
                    pipeline,
                )
                data.write(h5py.h5s.ALL, h5py.h5s.ALL, values(4, 5).astype(dtype))
    every = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    for chunk in itertools.product((1, 3, 4), (1, 2, 5), (1, 2)):
        f.create_dataset(f"chunks {chunk}", data=values(4, 5, 2), chunks=chunk, **every)
    masked = f.create_dataset("filters left out", (2, 4), "<f4", chunks=(1, 4), **every)
    masked.id.write_direct_chunk((0, 0), values(4).tobytes(), filter_mask=7)
    shuffled = values(4).view("u1").reshape(4, 4).T.tobytes()
    masked.id.write_direct_chunk((1, 0), shuffled, filter_mask=6)
    sums = np.array([0x5555] * 3, "<u2").view("<f2")
    f.create_dataset("sums of 65535", data=sums, chunks=(3,), fletcher32=True)
    f.create_dataset("sums of 0", data=np.zeros(3, "<f2"), chunks=(3,), fletcher32=True)

# All but the values has a checksum: headers with a continuation, heaps and B-trees of dense links
# and attributes, superblock 3.
with h5py.File("checked.h5", "w", libver="latest") as f:
    for i in range(20):
        f.attrs[f"attribute {i}"] = np.bytes_("x" * (i + 1))
    dense = f.create_group("dense")
    for i in range(30):
        dense[f"member {i}"] = values(1)
    few = f.create_group("few")
    few["values"] = values(2, 3)
    for i in range(7):
        few.attrs[f"attribute {i}"] = np.bytes_("y" * (i + 60))
