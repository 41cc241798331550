"""What search.py and cluster.py share: Spark carries lines, the program shard does the work.

A stage is a map and a merge. The map gives the lines of shards to the worker, which answers in
lines; Spark sorts these by key, and the worker merges those of equal keys. Tasks may fail, die
and run twice: answers carry the numbers of their shards.

A worker lives as long as the process of Python that started it, and serves one task after the
other. It remembers shards, so a task is quick where an earlier one had the same shard.

Data with a plain name is read by the workers themselves, so it must have that name on every
machine. Data with a scheme, such as hdfs://... or s3a://..., and data on a default file system that
is not the machine's own, is read through Spark's file systems and fed to the worker by a pipe.
"""
import base64
import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

from pyspark import SparkConf, SparkContext, SparkFiles, TaskContext

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, "..", "..", "NearestNeighboursAndClustering", "shard")
FAULT = "the worker says: "  # begins the sentence of a worker in an exception of Spark
TASKS = 8  # of later waves, for each core: what a dead worker has to do again
FEW = 3  # tasks, whose answers Spark does not merge: who reads them does
SMALL = 100_000  # bytes of a file that is sent with the tasks


class Fault(Exception):
    """A sentence for the person who started the driver."""


def main(name, usage, flags, check, run):
    """Runs a driver. flags maps the flags to their default values; a default of False is that of a
    flag without value, and flags whose default is None must be given. check raises a ValueError if
    the options, flags with their values, make no sense together."""
    flags = {**flags, "-worker": WORKER, "-shard": "30000", "-memory": "512MiB"}
    args = sys.argv[1:]
    options = dict(flags)
    flag = None
    try:
        while args:
            last, flag = flag, args.pop(0)
            if flag in ("-h", "-help", "--help"):
                print(usage, end="")
                return
            if flag not in flags and last and options[last] in flags:
                raise ValueError(f"flag {last} has no value: {options[last]} follows it")
            if flag not in flags:
                raise ValueError(f'unknown flag "{flag}"')
            if flags[flag] is False:
                options[flag] = True
                continue
            if not args or not args[0]:
                raise ValueError(f"flag {flag} has no value")
            options[flag] = args.pop(0)
        for flag, value in options.items():
            if value is None:
                raise ValueError(f"flag {flag} is missing")
        check(options)
        check_memory(options)
    except ValueError as e:
        print(f"{name}: {e}\n{usage}", end="", file=sys.stderr)
        sys.exit(2)
    # A signal that asks the driver to end lets it stop the application and remove its files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Engine(name, options["-worker"], options["-memory"]) as engine:
            run(engine, options)
            engine.tell()
    except Fault as e:
        print(f"{name}: {e}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


USAGE = """  -worker <file>     the worker (NearestNeighboursAndClustering/shard of this tree)
  -shard <int>       least images of a shard (30000)
  -memory <size>     memory of a worker, of which each core has one (512MiB)
  -h, --help         show this text and exit
"""


def check_memory(options):
    """Raises an error if the worker does not understand the value of -memory."""
    try:
        subprocess.run([options["-worker"], "merge", "-memory", options["-memory"]], check=True,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except subprocess.CalledProcessError as e:
        raise ValueError(sentence(e.stderr)) from None
    except OSError:
        pass  # the engine tells what is wrong with the worker


class Engine:
    """Runs stages on Spark."""

    def __init__(self, name, worker, memory):
        if not os.access(worker, os.X_OK):
            raise Fault(f"{worker} is no program; build it with make, or name it with -worker")
        self.name, self.worker, self.memory = name, os.path.abspath(worker), memory
        self.folder = tempfile.mkdtemp(prefix="shard-")
        self.shipped, self.tasks = 0, {}
        self.cpu = self.bytes = None

    def __enter__(self):
        try:
            conf = SparkConf().setAppName(self.name)
            # A progress bar of our own is shown.
            conf.setIfMissing("spark.ui.showConsoleProgress", "false")
            # The first wave wants all cores.
            conf.setIfMissing("spark.scheduler.minRegisteredResourcesRatio", "1")
            self.sc = SparkContext(conf=conf)
            self.sc.setLogLevel("OFF")  # what fails is said in a sentence
            self.sc.addPyFile(os.path.join(HERE, "engine.py"))
            self.sc.addFile(self.worker)
            self.cpu = self.sc.accumulator(0.0)
            self.bytes = self.sc.accumulator(0)
            self.conf = self._configuration()
            self.started = time.time()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_):
        self.sc.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configuration(self):
        """Returns what the driver's configuration of Hadoop has beside the defaults."""
        conf, own = self.sc._jsc.hadoopConfiguration(), {}
        entries = conf.iterator()
        while entries.hasNext():
            key = entries.next().getKey()
            sources = list(conf.getPropertySources(key) or [])
            if sources and not sources[-1].endswith("-default.xml"):
                own[key] = conf.get(key)
        return own

    # Files.

    def _path(self, name):
        """Returns the path of a name and its file system."""
        path = self.sc._jvm.org.apache.hadoop.fs.Path(name)
        return path, path.getFileSystem(self.sc._jsc.hadoopConfiguration())

    def mounted(self, names):
        """Reports whether the workers read the files of these names themselves."""
        if "://" in names or names.startswith("file:"):
            return False
        default = self.sc._jsc.hadoopConfiguration().get("fs.defaultFS", "file:///")
        return default.startswith("file:")

    def fetch(self, name):
        """Returns the name of a file on the driver's machine with the content of the named one."""
        if self.mounted(name):
            return name
        local = os.path.join(self.folder, f"fetched-{len(os.listdir(self.folder))}")
        path, files = self._hadoop(self._path, name)
        target = self.sc._jvm.org.apache.hadoop.fs.Path("file://" + local)
        self._hadoop(files.copyToLocalFile, False, path, target, True)
        return local

    def _hadoop(self, call, *args):
        try:
            return call(*args)
        except Exception as e:  # Py4JJavaError has the exception, which names the file
            cause = getattr(e, "java_exception", None)
            raise Fault(cause.toString() if cause is not None else str(e)) from None

    def _files(self, space, names):
        """Returns lines of files for the program shard."""
        lines = []
        for name in names.split(","):
            path, files = self._hadoop(self._path, name)
            found = self._hadoop(files.globStatus, path)
            if not found:
                raise Fault(f"{name}: there is no such file")
            for status in sorted(found, key=lambda s: s.getPath().toString()):
                stream = self._hadoop(files.open, status.getPath())
                header = bytearray()
                while len(header) < 16:
                    byte = stream.read()
                    if byte < 0:
                        break
                    header.append(byte)
                stream.close()
                lines.append(space + "\t" + json.dumps({
                    "file": status.getPath().toString(), "size": status.getLen(),
                    "modified": status.getModificationTime(),
                    "header": base64.b64encode(bytes(header)).decode()}))
        return lines

    def data(self, images, latents=""):
        """Returns the data set in the files of these names."""
        if self.mounted(images) and (not latents or self.mounted(latents)):
            return Data(self, ["-d", images], ["-i", latents] if latents else [], [])
        lines = []
        for space, names in (("images", images), ("latents", latents)):
            if names and self.mounted(names):
                raise Fault(f"{names} has no scheme, but the other files have one: give all of "
                            "them one, such as file:")
            lines += self._files(space, names) if names else []
        return Data(self, ["-files"], [], lines)

    def run(self, command, lines=()):
        """Runs the program shard on the driver's machine and returns its lines."""
        done = subprocess.run([self.worker, *command], input="".join(l + "\n" for l in lines),
                              text=True, capture_output=True)
        if done.returncode != 0:
            raise Fault(sentence(done.stderr))
        return done.stdout.splitlines()

    def ship(self, name=None, lines=None):
        """Sends a file, or lines as a file, to all workers. Returns what stands for it among the
        flags of a stage."""
        sent = self.keep(lines or [])
        if lines is None:
            shutil.copyfile(name, sent)
        if os.path.getsize(sent) <= SMALL:
            with open(sent, "rb") as f:
                return Shipped(os.path.basename(sent), f.read())
        self.sc.addFile(sent)
        return Shipped(os.path.basename(sent))

    def keep(self, lines):
        """Returns the name of a new file of lines on the driver's machine."""
        self.shipped += 1
        name = os.path.join(self.folder, f"{os.getpid()}-{self.shipped}")
        with open(name, "w") as f:
            f.writelines(line + "\n" for line in lines)
        return name

    def local(self, output):
        """Returns the name that a finished output has on the driver's machine."""
        return output if self.mounted(output) else os.path.join(self.folder, "output")

    def save(self, local, output):
        """Gives a finished output its name, if it is not on the driver's machine."""
        if local == output:
            return
        path, files = self._hadoop(self._path, output)
        beside = self.sc._jvm.org.apache.hadoop.fs.Path(output + f".{os.getpid()}.tmp")
        source = self.sc._jvm.org.apache.hadoop.fs.Path("file://" + local)
        self._hadoop(files.copyFromLocalFile, True, True, source, beside)
        self._hadoop(files.delete, path, False)
        if not self._hadoop(files.rename, beside, path):
            raise Fault(f"{output}: the finished file {beside.toString()} could not be renamed")

    def write(self, program, output, lines, *flags):
        """Writes the text of a program."""
        local = self.local(output)
        self.run(["write", program, "-o", local, *flags], lines)
        self.save(local, output)

    def tell(self):
        """Tells how long the work took, without the engine's start, and what the workers used."""
        print(f"{self.name}: {time.time() - self.started:.1f} s, {self.cpu.value:.2f} s of the "
              f"workers' processors, {self.bytes.value} bytes of answers", file=sys.stderr,
              flush=True)

    # Stages.

    @property
    def cores(self):
        return max(1, self.sc.defaultParallelism)

    def stage(self, what, shards, stages, flags, spaces=("images",), waves=False, keep=False):
        """Lets stages answer for shards. Returns the answers as lines; several may have the same
        key. If waves is true, the answers of a few shards are given to the stages that answer for
        the others, by the flag -found: they limit what these have to look at. If keep is true, each
        machine keeps what it reads through Spark's file systems, for the next stage that asks for
        it."""
        show = Progress(self.sc, what, len(shards))
        lines = [json.dumps(s) for s in shards]
        first = lines[:self.cores]
        if not waves or len(lines) <= self.cores:
            first = lines
        try:
            answers = self._wave(show, first, spaces, stages, flags, keep)
            if len(first) < len(lines):
                rest = lines[len(first):]
                found = self.ship(lines=answers)
                answers += self._wave(show, rest, spaces, stages, [*flags, "-found", found], keep)
        finally:
            show.stop()
        return answers

    def _tasks(self, lines):
        """Returns lines as the tasks of a stage. The same lines go to the same machines again."""
        key = tuple(lines)
        if key not in self.tasks:
            tasks = self.sc.parallelize(lines, min(len(lines), TASKS * self.cores))
            self.tasks[key] = tasks.cache()
        return self.tasks[key]

    def _wave(self, show, lines, spaces, stages, flags, keep):
        worker, memory = os.path.basename(self.worker), self.memory
        cpu, size = self.cpu, self.bytes
        conf = self.conf

        def answer(part):
            return work(worker, memory, [stages, *flags], (descriptor(s, spaces) for s in part),
                        conf, cpu, size, keep)

        def merge(part):
            return work(worker, memory, ["merge"], (line for _, line in part), conf, cpu)

        cut = self._tasks(lines)
        tasks = cut.getNumPartitions()
        show.wave(len(lines), tasks)
        answers = cut.mapPartitions(answer)
        if tasks > FEW:
            parts = min(self.cores, tasks)
            pairs = answers.map(lambda line: (line.partition("\t")[0], line))
            answers = pairs.repartitionAndSortWithinPartitions(
                parts, lambda key: zlib.crc32(key.encode()) % parts).mapPartitions(merge)
        try:
            return answers.collect()
        except Exception as e:
            text = str(e)
            at = text.rfind(FAULT)
            if at >= 0:
                raise Fault(text[at + len(FAULT):].splitlines()[0]) from None
            raise Fault("Spark: " + text.strip().splitlines()[0]) from None


class Data:
    """A data set: the flags and lines that tell its files to the program shard."""

    def __init__(self, engine, images, latents, lines):
        self.engine, self.images, self.latents, self.lines = engine, images, latents, lines

    def cut(self, size, *flags):
        """Returns the shards."""
        command = ["cut", "-shard", size, *self.images, *self.latents, *flags]
        return [json.loads(line) for line in self.engine.run(command, self.lines)]

    def pick(self):
        """Returns the images on which the stage sample works, as one shard."""
        return [json.loads(l) for l in self.engine.run(["pick", *self.images], self.lines)]


class Shipped:
    """A shipped file. Its content is None if Spark has sent the file to each machine."""

    def __init__(self, name, content=None):
        self.name, self.content = name, content

    def place(self, folder):
        """Returns the name of the file on this machine. A small one is written into the folder."""
        if self.content is None:
            return SparkFiles.get(self.name)
        name = os.path.join(folder, self.name)
        with open(name, "wb") as f:
            f.write(self.content)
        return name


def descriptor(line, spaces):
    """Returns the line of a shard with no more than the spaces that a stage reads."""
    shard = json.loads(line)
    return json.dumps({k: v for k, v in shard.items()
                       if k not in ("images", "latents") or k in spaces})


def sentence(stderr):
    """Returns what a worker says in the first line of its standard error output."""
    lines = stderr.strip().splitlines()
    return lines[0].removeprefix("shard: ") if lines else "it ended without a word"


class Progress:
    """Shows how many tasks of a stage are done."""

    def __init__(self, sc, what, shards):
        self.sc, self.what, self.shards = sc, what, shards
        self.done = self.now = self.tasks = 0
        self.start, self.shown = time.time(), ""
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def wave(self, shards, tasks):
        """Begins a wave of that many shards in that many tasks."""
        self.done, self.now, self.tasks = self.done + self.now, shards, tasks

    def _watch(self):
        while not self.ended.wait(1):
            tracker, finished = self.sc.statusTracker(), 0
            for job in tracker.getActiveJobsIds():
                info = tracker.getJobInfo(job)
                for stage in info.stageIds if info else []:
                    s = tracker.getStageInfo(stage)
                    if s and s.numTasks == self.tasks:
                        finished = max(finished, s.numCompletedTasks)
            done = self.done + finished * self.now // max(1, self.tasks)
            self._show(f"{self.what}: {done} of {self.shards} shards")

    def _show(self, text):
        if text != self.shown:
            print(f"{text}, {time.time() - self.start:.0f} s", file=sys.stderr, flush=True)
        self.shown = text

    def stop(self):
        self.ended.set()
        self.thread.join()


# What runs on the workers' machines.

living = None  # the worker of this process of Python


class Worker:
    """The program shard, which serves one task after the other."""

    def __init__(self, worker, memory):
        self.errors = tempfile.TemporaryFile(mode="w+")
        cores = TaskContext.get().cpus() if TaskContext.get() else 1
        # It ends when its input ends, and that is when this process does.
        self.process = subprocess.Popen(
            [SparkFiles.get(worker), "serve", "-memory", memory], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env={**os.environ, "GOMAXPROCS": str(cores)})

    def end(self):
        self.process.kill()
        self.process.wait()

    def words(self):
        """Returns what a worker that has ended says."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # something was not read
        self.errors.seek(0)
        return sentence(self.errors.read())


def work(worker, memory, command, lines, conf, cpu, size=None, keep=False):
    """Gives lines to the program shard and yields the lines that it writes."""
    global living
    if living is None or living.process.poll() is not None:
        living = Worker(worker, memory)
    now, done, feed = living, False, None
    folder = tempfile.mkdtemp(prefix="shard-")
    try:
        command = [c.place(folder) if isinstance(c, Shipped) else c for c in command]
        feed = Feed(now.process, command, folder, lines, conf, keep)
        for line in now.process.stdout:
            if line.startswith("{"):
                cpu.add(json.loads(line)["seconds"])
                done = True
                break
            if size is not None:
                size.add(len(line))
            yield line[:-1]
    except OSError as e:
        raise RuntimeError(FAULT + str(e)) from None
    finally:
        if not done:
            living = None
            now.end()
        if feed:
            feed.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if not done:
        raise RuntimeError(FAULT + (feed.fault or now.words()))


class Feed:
    """Writes a request to a worker: a command, and lines. It writes the bytes of their ranges, too,
    if the worker cannot read the files."""

    def __init__(self, process, command, folder, lines, conf, keep):
        self.process, self.command, self.folder = process, command, folder
        self.lines, self.conf = lines, conf
        self.keep = keep
        self.fault, self.pipe, self.ended = None, None, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.process.stdin.write(json.dumps(self.command) + "\n")
            for i, line in enumerate(self.lines):
                shard = json.loads(line) if line.startswith("{") else {}
                ranges = [r for space in ("images", "latents") if space in shard
                          for r in shard[space]["ranges"]]
                if not any("://" in r["file"] or r["file"].startswith("file:") for r in ranges):
                    self.process.stdin.write(line + "\n")
                    continue
                if self.keep:
                    for r in ranges:
                        r.update(kept(r, self.conf))
                    self.process.stdin.write(json.dumps(shard) + "\n")
                    continue
                self.pipe = os.path.join(self.folder, str(i))
                os.mkfifo(self.pipe)
                shard["feed"] = self.pipe
                self.process.stdin.write(json.dumps(shard) + "\n")
                self.process.stdin.flush()
                copy(ranges, self.pipe, self.conf)
                os.remove(self.pipe)
            self.process.stdin.write("end\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the worker has ended, and says why
        except Exception as e:
            cause = getattr(e, "java_exception", None)
            self.fault = (cause.toString() if cause is not None else str(e)).splitlines()[0]
            if not self.ended:
                self.process.kill()

    def stop(self):
        self.ended = True
        while self.thread.is_alive():
            # What waits for a reader of the pipe gets one, and ends.
            if self.pipe and os.path.exists(self.pipe):
                os.close(os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK))
            self.thread.join(0.05)


gateway = None  # to the Java machine of this process of Python, which it starts when it needs one


def copy(ranges, to, conf):
    """Copies ranges of files into a pipe or a file through Spark's file systems."""
    jvm = java()
    hadoop = jvm.org.apache.hadoop.conf.Configuration()
    for key, value in conf.items():
        hadoop.set(key, value)
    out = None
    try:
        for r in ranges:
            path = jvm.org.apache.hadoop.fs.Path(r["file"])
            files = path.getFileSystem(hadoop)
            status = files.getFileStatus(path)
            if (status.getLen(), status.getModificationTime()) != (r["size"], r["modified"]):
                raise RuntimeError(f"{r['file']}: the file was changed after it was cut")
            out = out or jvm.java.io.FileOutputStream(to)
            source = files.open(path)
            try:
                source.seek(r["offset"])
                jvm.org.apache.commons.io.IOUtils.copyLarge(source, out, 0, r["bytes"])
            finally:
                source.close()
    finally:
        if out:
            out.close()


def kept(r, conf):
    """Returns a range of a file of this machine with the bytes of a range."""
    # Spark removes its local folders when the application ends.
    folder = os.environ["SPARK_LOCAL_DIRS"].split(",")[0]
    name = os.path.join(folder, "kept-" + hashlib.sha256(
        json.dumps(r, sort_keys=True).encode()).hexdigest())
    if not os.path.exists(name):
        own = f"{name}.{os.getpid()}"
        copy([r], own, conf)
        os.rename(own, name)
    return {"file": name, "offset": 0, "size": r["bytes"],
            "modified": os.stat(name).st_mtime_ns // 1_000_000}


def java():
    """Returns a Java machine with Spark's libraries and the packages of the application."""
    global gateway
    if gateway is None:
        import pyspark
        from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
        home = os.environ.get("SPARK_HOME") or os.path.dirname(pyspark.__file__)
        jars = os.path.join(home, "jars")
        path = [os.environ.get("HADOOP_CONF_DIR", ""), os.path.join(jars, "*"),
                os.path.join(SparkFiles.getRootDirectory(), "*")]
        program = os.path.join(os.environ["JAVA_HOME"], "bin", "java") \
            if "JAVA_HOME" in os.environ else "java"
        port, token = launch_gateway(
            jarpath=glob.glob(os.path.join(jars, "py4j-*.jar"))[0],
            classpath=os.pathsep.join(p for p in path if p), java_path=program,
            javaopts=["-Xmx256m"], die_on_exit=True, enable_auth=True)
        gateway = JavaGateway(gateway_parameters=GatewayParameters(
            port=port, auth_token=token, auto_convert=True))
    return gateway.jvm
