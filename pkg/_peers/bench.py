"""Runs Go benchmarks and prints tables, for the scripts beside it."""

import os
import platform
import re
import subprocess


def go(package, pattern, cores=1):
    """Returns the seconds for an operation of each benchmark that matches pattern, by name.

    It takes the best of three runs.
    """
    # GOMAXPROCS instead of -cpu: the first run of a benchmark with b.Loop ignores -cpu.
    command = ["go", "test", "-run", "^$", "-bench", pattern, "-count", "3", package]
    environment = os.environ | {"GOMAXPROCS": str(cores)}
    out = subprocess.run(command, check=True, capture_output=True, text=True,
                         env=environment).stdout
    suffix = f"-{cores}" if cores > 1 else ""
    found = {}
    line = rf"^(Benchmark\S+?){suffix}\s+\d+\s+([\d.]+) ns/op"
    for name, ns in re.findall(line, out, re.MULTILINE):
        found[name] = min(float(ns) / 1e9, found.get(name, float("inf")))
    if not found:
        raise SystemExit(f"no benchmark of {package} matches {pattern}:\n{out}")
    return found


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*:\s*(.*)", f.read())
    return f"{model.group(1) if model else platform.processor()}, {platform.system()}"


def table(head, rows):
    """Prints a Markdown table."""
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def duration(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
