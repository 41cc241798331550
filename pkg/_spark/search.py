"""search on Spark: the nearest images of every query, in data of any size."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import engine

USAGE = """Usage: spark-submit search.py -d <input files original space> -i <input files new space>
           -q <query file original space> -s <query file new space>
           -k <int> -L <int> -o <output file>
       spark-submit search.py -d <input files original space>
           -q <query file original space> -l1 <labels of input dataset>
           -l2 <labels of query dataset> -o <output file> -EMD
Writes what ./search writes. Input files are plain IDX files, any number of them: names or
patterns, with commas between them.
These may be left out:
  -k <int>           hash functions of a table (4 if left out), at most 32 with
                     -textbook
  -L <int>           hash tables (5)
  -cell <int>        with -EMD: width of a cell in pixels (7)
  -textbook          the textbook's form of every algorithm where the original
                     departs from it
""" + engine.USAGE
FLAGS = {"-d": None, "-q": None, "-o": None, "-i": "", "-s": "", "-l1": "", "-l2": "",
         "-k": "", "-L": "", "-cell": "", "-EMD": False, "-textbook": False}
NEIGHBOURS = "10"  # that search -EMD judges


def check(o):
    """Raises an error if flags are missing or have no meaning."""
    needed, useless = ("-i", "-s"), ("-l1", "-l2", "-cell")
    if o["-EMD"]:
        needed, useless = ("-l1", "-l2"), ("-i", "-s", "-k", "-L")
    for flag in needed:
        if not o[flag]:
            raise ValueError(f"flag {flag} is missing")
    for flag in useless:
        if o[flag]:
            raise ValueError(f"flag {flag} has no meaning here")
    if o["-textbook"] and o["-k"].isdigit() and int(o["-k"]) > 32:
        raise ValueError("flag -k: expected at most 32 hash functions with -textbook, which share "
                         f"the 32 bits of a hash value, found {o['-k']}")


def run(spark, o):
    textbook = ["-textbook"] if o["-textbook"] else []
    given = [word for flag in ("-k", "-L", "-cell") if o[flag] for word in (flag, o[flag])]
    queries = spark.fetch(o["-q"])
    if o["-EMD"]:
        labels = ["-l1", spark.fetch(o["-l1"]), "-l2", spark.fetch(o["-l2"])]
        data = spark.data(o["-d"])
        shards = data.cut(o["-shard"], "-q", queries, *labels)
        answers = spark.stage("nearest images", shards, "emd,exact",
                              ["-q", spark.ship(queries), "-neighbours", NEIGHBOURS, *given],
                              waves=True)
        spark.write("emd", o["-o"], answers, *labels, *textbook)
        return
    reduced = spark.fetch(o["-s"])
    data = spark.data(o["-d"], o["-i"])
    shards = data.cut(o["-shard"], "-q", queries, "-s", reduced)
    sample = spark.stage("images for the width of the hash grid", data.pick(), "sample", [])
    width = spark.stage("width of the hash grid", shards, "width",
                        ["-sample", spark.ship(lines=sample)], waves=True)
    answers = spark.stage("nearest images", shards, "exact,latent,lsh",
                          ["-q", spark.ship(queries), "-s", spark.ship(reduced),
                           "-width", spark.ship(lines=width), *given, *textbook],
                          ("images", "latents"), waves=True)
    spark.write("search", o["-o"], answers, *textbook)


engine.main("search", USAGE, FLAGS, check, run)
