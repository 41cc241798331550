"""search on Spark: finds the nearest image of every query, in data of any size."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import engine

USAGE = """Usage: spark-submit search.py -d <input files original space> -i <input files new space>
           -q <query file original space> -s <query file new space>
           -k <int> -L <int> -o <output file>
Writes what ./search writes. Input files are IDX files, plain, of any number: names
or patterns, with commas between them.
These may be left out:
""" + engine.USAGE


def run(spark, o):
    queries, reduced = spark.fetch(o["-q"]), spark.fetch(o["-s"])
    named = ["-q", queries, "-s", reduced]
    shards = spark.cut(o["-d"], o["-i"], o["-shard"], *named)
    sent = ["-q", spark.ship(queries), "-s", spark.ship(reduced)]
    answers = spark.stage("nearest images", shards, "exact,latent", sent, ("images", "latents"),
                          waves=True)
    spark.write("search", o["-o"], answers)


engine.main("search", USAGE, {"-d": None, "-i": None, "-q": None, "-s": None, "-o": None,
                              "-k": "4", "-L": "5", **engine.FLAGS}, run)
