"""cluster on Spark: k-medians in both spaces, and the silhouettes, in data of any size."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import engine

USAGE = """Usage: spark-submit cluster.py -d <input files original space> -i <input files new space>
           -n <classes from NN as clusters file>
           -c <configuration file> -o <output file>
Writes what ./cluster writes. Input files are plain IDX files, any number of them: names or
patterns, with commas between them.
These may be left out:
  -textbook          the textbook's form of every algorithm where the original
                     departs from it
""" + engine.USAGE
FLAGS = {"-d": None, "-i": None, "-n": None, "-c": None, "-o": None, "-textbook": False}


def run(spark, o):
    shards = spark.data(o["-d"], o["-i"]).cut(o["-shard"])
    local = spark.local(o["-o"])
    # The program shard makes the passes. It asks for what each is to find.
    command = [spark.worker, "cluster", "-n", spark.fetch(o["-n"]), "-c", spark.fetch(o["-c"]),
               "-shards", spark.keep(map(json.dumps, shards)), "-o", local]
    passes = subprocess.Popen(command + ["-textbook"] * o["-textbook"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    times = {}  # of the passes, by space
    try:
        for line in passes.stdout:
            asked, start = json.loads(line), time.time()
            some = shards
            if "shards" in asked:
                with open(asked["shards"]) as f:
                    some = [json.loads(l) for l in f]
            flags = asked.get("flags", []) + [
                word for flag, file in asked.get("files", {}).items()
                for word in (flag, spark.ship(file))]
            answers = spark.stage(asked["what"], some, asked["stage"], flags, asked["spaces"],
                                  keep=True)
            print(spark.keep(answers), file=passes.stdin, flush=True)
            if asked["stage"] == "assign":
                space = asked["what"].rpartition(", pass ")[0]
                times.setdefault(space, []).append(time.time() - start)
        words = passes.stderr.read()
        if passes.wait() != 0:
            raise engine.Fault(engine.sentence(words))
    finally:
        passes.kill()
        passes.wait()
    spark.save(local, o["-o"])
    for space, took in times.items():
        print(f"{space}: {len(took)} passes, {sum(took) / len(took):.2f} s for each",
              file=sys.stderr, flush=True)


engine.main("cluster", USAGE, FLAGS, lambda o: None, run)
