"""Counts the instructions of the kernels for graphics processors, as NVIDIA's assembler makes them.

Clang compiles the kernels of a training step of each network for NVIDIA, and ptxas, which the
package triton brings along, makes the instructions of an H100 of that. No such processor is needed,
and no time is measured. Debian's packages clang and libclc-14-dev are needed.
"""

import concurrent.futures
import glob
import math
import os
import re
import subprocess
import sys
import tempfile

import triton

TOOLS = os.path.join(os.path.dirname(triton.__file__), "backends", "nvidia", "bin")
UNITS, CLOCK = 132, 1.755e9  # of an H100; it issues four instructions of 32 work-items a cycle
CLANG = [
    "clang", "-x", "cl", "-cl-std=CL1.2", "-O3", "-S", "-w", "-target", "nvptx64-nvidia-nvcl",
    "-D__NV_CL_C_VERSION=120", "-DFP_FAST_FMAF", "-Xclang", "-finclude-default-header",
    "-Xclang", "-target-cpu", "-Xclang", "sm_80", "-Xclang", "-target-feature",
    "-Xclang", "+ptx72", "-Xclang", "-mlink-builtin-bitcode",
    "-Xclang", "/usr/lib/clc/nvptx64--nvidiacl.bc",
]


def compiled(source):
    """Returns registers, bytes that did not fit into these, and the instructions."""
    ptx, binary = source + ".ptx", source + ".cubin"
    subprocess.run(CLANG + ["-o", ptx, source], check=True)
    told = subprocess.run([TOOLS + "/ptxas", "-arch=sm_90", "-v", "-o", binary, ptx], check=True,
                          capture_output=True, text=True).stderr
    text = subprocess.run([TOOLS + "/nvdisasm", "-c", binary], check=True, capture_output=True,
                          text=True).stdout
    spilled = sum(map(int, re.findall(r"(\d+) bytes (?:stack|spill)", told)))
    return int(re.search(r"Used (\d+) registers", told)[1]), spilled, text.split("\n")


def loop(lines):
    """Returns how many instructions the loop with the most fused products has, and how many of
    them are such products."""
    labels, code, best = {}, [], (0, 0)
    for line in lines:
        if label := re.match(r"\s*(\.L\S+):", line):
            labels[label[1]] = len(code)
        elif op := re.match(r"\s+/\*[0-9a-f]+\*/\s+(?:@\S+\s+)?(\S+)(.*);", line):
            code.append(op[1])
            back = re.search(r"\((\.L\S+)\)", op[2])
            if op[1] == "BRA" and back and back[1] in labels:
                body = code[labels[back[1]]:]
                best = max(best, (sum(o.startswith("FFMA") for o in body), len(body)))
    return best[1], best[0]


def size(text, name, samples=128):
    """Returns what a macro of a kernel stands for."""
    macros = dict(re.findall(r"#define (\w+) (.*)\n", text))
    expression = macros[name]
    while found := re.search(r"[A-Z]\w*", expression):
        expression = expression.replace(found[0], macros[found[0]])
    return eval(re.sub(r"\bn\b", str(samples), expression))


def report(folder):
    launches = [re.match(r"(\S+) (\S+) \[(.*)\] \[(.*)\]", line).groups()
                for line in open(os.path.join(folder, "launches.txt"))]
    names = sorted({launch[0] for launch in launches})
    sources = [os.path.join(folder, name) for name in names]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        kernels = dict(zip(names, pool.map(compiled, sources)))
    issued = products = inner = fused = 0
    for name, kind, groups, items in launches:
        if kind != "product_kernel":
            continue
        text = open(os.path.join(folder, name)).read()
        instructions, of_them = loop(kernels[name][2])
        steps = math.ceil(min(size(text, "INNER"), size(text, "SLICE")) / size(text, "BK"))
        groups = math.prod(map(int, groups.split()))
        warps = math.ceil(groups / UNITS) * int(items.split()[0]) / 32
        issued += steps * math.ceil(warps / 4) * instructions
        products += 2 * size(text, "ROWS") * size(text, "COLUMNS") * size(text, "INNER")
        inner += groups * steps * instructions
        fused += groups * steps * of_them
    print(f"| {os.path.basename(folder).replace('-', '/')} | {len(launches)} | {len(names)} | "
          f"{max(k[0] for k in kernels.values())} | {sum(k[1] for k in kernels.values())} | "
          f"{fused / inner:.0%} | {issued / CLOCK * 1e6:.0f} us | "
          f"{products * CLOCK / issued / 1e12:.0f} TFLOP/s |")


with tempfile.TemporaryDirectory() as work:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    subprocess.run(["go", "test", "-tags", "gpu", "-count", "1", "-run", "^TestKernels$",
                    "./pkg/nn/opencl", "-args", "-kernels", work], cwd=root, check=True,
                   stdout=sys.stderr)
    print("| filters | launches | kernels | most registers | bytes spilled | fused products of the "
          "instructions | issued for the products | that is |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    folders = glob.glob(work + "/*")
    for folder in sorted(folders, key=lambda f: len(open(f + "/launches.txt").read())):
        report(folder)
