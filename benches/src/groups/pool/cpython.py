"""python3 -c SOURCE CASE JOBS WORKERS SECONDS

Repeats one case of `pool` for SECONDS and prints the seconds of a repetition as JSON.
"""

import json
import multiprocessing
import statistics
import sys
import time

CASE = sys.argv[1]
JOBS, WORKERS = int(sys.argv[2]), int(sys.argv[3])
SECONDS = float(sys.argv[4])


def square(number):
    return number * number


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def heavy(_index):
    return fib(27)


def main():
    # Forked: what `-c` defines has no module that another process could import.
    pool = multiprocessing.get_context("fork").Pool(WORKERS)
    work, expected = {
        "tiny_submit": (
            lambda: pool.map(square, range(JOBS), chunksize=1),
            [n * n for n in range(JOBS)],
        ),
        "tiny_map": (lambda: pool.map(square, range(JOBS)), [n * n for n in range(JOBS)]),
        "heavy": (lambda: pool.map(heavy, range(JOBS), chunksize=1), [196418] * JOBS),
    }[CASE]
    begin = time.perf_counter()
    walls, cpus = [], []
    while True:
        wall, cpu = time.perf_counter(), time.process_time()
        results = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        assert results == expected, "wrong results"
        if time.perf_counter() - begin >= SECONDS:
            break
    pool.terminate()
    pool.join()
    typical = statistics.median_high(walls)
    print(json.dumps({"first": walls[0], "typical": typical, "cpu": statistics.mean(cpus)}))


main()
