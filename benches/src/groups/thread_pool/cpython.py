"""python3 -c SOURCE executor|pool CASE JOBS WORKERS SECONDS

Repeats one case of `thread_pool` for SECONDS and prints the seconds of a repetition as JSON.
"""

import json
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

KIND, CASE = sys.argv[1:3]
JOBS, WORKERS = int(sys.argv[3]), int(sys.argv[4])
SECONDS = float(sys.argv[5])


def square(number):
    return number * number


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def heavy(_index):
    return fib(27)


class Executor:
    """concurrent.futures.ThreadPoolExecutor."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(WORKERS)
        # It starts its threads when they are needed: need all of them, before the clock.
        met = threading.Barrier(WORKERS)
        for future in [self.pool.submit(met.wait) for _ in range(WORKERS)]:
            future.result()

    def submit_all(self):
        futures = [self.pool.submit(square, number) for number in range(JOBS)]
        return [future.result() for future in futures]

    def map(self, function):
        return list(self.pool.map(function, range(JOBS)))


class Pool:
    """multiprocessing.pool.ThreadPool; it starts its threads at once."""

    def __init__(self):
        self.pool = ThreadPool(WORKERS)

    def submit_all(self):
        results = [self.pool.apply_async(square, (number,)) for number in range(JOBS)]
        return [result.get() for result in results]

    def map(self, function):
        return self.pool.map(function, range(JOBS))


def main():
    contender = {"executor": Executor, "pool": Pool}[KIND]()
    work, expected = {
        "tiny_submit": (contender.submit_all, [n * n for n in range(JOBS)]),
        "tiny_map": (lambda: contender.map(square), [n * n for n in range(JOBS)]),
        "heavy": (lambda: contender.map(heavy), [196418] * JOBS),
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
    typical = statistics.median_high(walls)
    print(json.dumps({"first": walls[0], "typical": typical, "cpu": statistics.mean(cpus)}))


main()
