"""Compares nearest neighbours with FAISS and scikit-learn, and Earth Mover's Distance with POT and
OR-tools.

Run it from the top folder, after `make datasets`. Peers that are much slower get fewer queries or
pairs. All times are for one query or pair.
"""

import time

import faiss
import numpy as np
import ot
from ortools.linear_solver import pywraplp
from sklearn.neighbors import NearestNeighbors

from bench import duration, go, machine, table

DATA, QUERIES = "datasets/training/images.dat", "datasets/query/images.dat"


def images(name):
    return np.fromfile(name, np.uint8, offset=16).reshape(-1, 28, 28)


def per(n, work):
    """Returns the seconds for one of the n things that work does.

    It takes the best of three runs, because other work on the machine only adds time.
    """
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds) / n


def neighbours(data, queries):
    flat = data.reshape(len(data), -1).astype(np.float32)
    asked = queries.reshape(len(queries), -1).astype(np.float32)
    index = faiss.IndexFlat(flat.shape[1], faiss.METRIC_L1)
    index.add(flat)
    rows = []
    for cores in (1, 2):
        ours = go("./pkg/knn", "BenchmarkNearest/(pruned|all)/k=1$", cores)
        pruned, full = (
            ours[f"BenchmarkNearest/{way}/k=1"] / len(queries) for way in ("pruned", "all"))
        faiss.omp_set_num_threads(cores)
        name = f"FAISS {faiss.__version__} IndexFlat, METRIC_L1"
        peers = {name: per(100, lambda: index.search(asked[:100], 1))}
        if cores == 1:
            search = NearestNeighbors(
                n_neighbors=1, algorithm="brute", metric="manhattan", n_jobs=1).fit(flat)
            peers["scikit-learn brute, manhattan"] = per(20, lambda: search.kneighbors(asked[:20]))
        for name, seconds in peers.items():
            rows.append([name, str(cores), duration(seconds),
                         duration(pruned), f"{seconds / pruned:.0f}",
                         duration(full), f"{seconds / full:.0f}"])
    table(["exact nearest of 60,000, a query", "cores", "peer", "here, pruned", "ratio",
           "here, every pair", "ratio"], rows)


def signature(image, cell):
    side = 28 // cell
    sums = image.reshape(side, cell, side, cell).sum(axis=(1, 3), dtype=np.float64).ravel()
    return sums / sums.sum()


def lp(ground):
    """Returns a solver of the transportation problem by GLOP, one linear programme a pair.

    The original states the problem in this way.
    """
    n = len(ground)

    def solve(p, q):
        solver = pywraplp.Solver.CreateSolver("GLOP")
        flow = [[solver.NumVar(0, solver.infinity(), "") for _ in range(n)] for _ in range(n)]
        for i in range(n):
            solver.Add(sum(flow[i]) == p[i])
            solver.Add(sum(flow[k][i] for k in range(n)) == q[i])
        solver.Minimize(sum(ground[i, j] * flow[i][j] for i in range(n) for j in range(n)))
        start = time.perf_counter()
        solver.Solve()
        return solver.Objective().Value(), time.perf_counter() - start

    return solve


def movers(data, queries):
    rows = []
    for cell in (14, 7, 4):
        side = 28 // cell
        y, x = np.divmod(np.arange(side * side), side)
        ground = cell * np.sqrt((x[:, None] - x) ** 2.0 + (y[:, None] - y) ** 2.0)
        query = signature(queries[0], cell)
        others = [signature(image, cell) for image in data[:2000]]
        distances = []

        def by_pot():
            distances[:] = [ot.emd2(query, other, ground) for other in others]

        pot = per(len(others), by_pot)
        solve = lp(ground)
        solved = [solve(query, other) for other in others[:20]]
        glop = sum(seconds for _, seconds in solved) / len(solved)
        worst = max(abs(a - b) for (a, _), b in zip(solved, distances))
        if worst > 1e-6:
            raise SystemExit(f"POT and GLOP differ by {worst}")

        def here(benchmark):
            return go("./pkg/emd", benchmark + "$")[benchmark]

        pair = here(f"BenchmarkAll/cell={cell}") / len(data)
        nearest = here(f"BenchmarkNearest/cell={cell}/block={len(data)}") / 1000
        peers = (f"POT {ot.__version__} emd2", pot), ("OR-tools GLOP, solving only", glop)
        for name, seconds in peers:
            rows.append([str(cell), name, duration(seconds),
                         duration(pair), f"{seconds / pair:.0f}",
                         duration(nearest), f"{seconds * len(data) / nearest:,.0f}"])
    table(["cell", "peer", "peer, a pair", "here, a pair", "ratio",
           "here, the 10 nearest of 60,000, one query", "ratio to all pairs by the peer"], rows)


data, queries = images(DATA), images(QUERIES)
print(f"{machine()}\n")
neighbours(data, queries)
print()
movers(data, queries)
