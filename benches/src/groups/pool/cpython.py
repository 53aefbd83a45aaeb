"""python3 -c SOURCE CASE JOBS WORKERS SECONDS

Repeats one case of `pool` for SECONDS and prints the seconds of a repetition as JSON. Or, as `idle`,
runs JOBS and rests for SECONDS: prints microseconds of CPU time and voluntary context switches, of
the pool's threads in this process and of the workers.
"""

import json
import multiprocessing
import os
import statistics
import sys
import time

CASE = sys.argv[1]
JOBS, WORKERS = int(sys.argv[2]), int(sys.argv[3])
SECONDS = float(sys.argv[4])

SETTLING = 0.25
MEBIBYTE = 1 << 20


def square(number):
    return number * number


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def heavy(_index):
    return fib(27)


def same(text):
    return text


def submit_all(pool):
    results = [pool.apply_async(square, (number,)) for number in range(JOBS)]
    return [result.get() for result in results]


def send_texts(pool):
    """Each job gets what came back from the one before."""
    text, length = "x" * MEBIBYTE, 0
    for _ in range(JOBS):
        text = pool.apply(same, (text,))
        length += len(text)
    return length


def threads(pid):
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def switches(pid, thread):
    with open(f"/proc/{pid}/task/{thread}/status") as status:
        lines = [line for line in status if line.startswith("voluntary_ctxt_switches:")]
    return int(lines[0].split()[1])


def usage_of(pid):
    # What clock_getcpuclockid of C makes of the process's number.
    cpu = time.clock_gettime(~pid << 3 | 2)
    return [cpu * 1e6, sum(switches(pid, thread) for thread in threads(pid))]


def usage_of_other_threads():
    own = os.getpid()
    others = [thread for thread in threads(own) if thread != own]
    # What pthread_getcpuclockid of C makes of a thread's number.
    cpu = sum(time.clock_gettime(~thread << 3 | 6) for thread in others)
    return [cpu * 1e6, sum(switches(own, thread) for thread in others)]


def idle(pool):
    assert pool.map(square, range(JOBS)) == [n * n for n in range(JOBS)], "wrong results"
    time.sleep(SETTLING)
    pids = [child.pid for child in multiprocessing.active_children()]
    assert len(pids) == WORKERS, "a worker is missing"
    others = [usage_of(pid) for pid in pids]
    parent = usage_of_other_threads()
    time.sleep(SECONDS)
    parent = [after - before for before, after in zip(parent, usage_of_other_threads())]
    others = [
        [after - before for before, after in zip(usage, usage_of(pid))]
        for usage, pid in zip(others, pids)
    ]
    return [parent, [sum(values) for values in zip(*others)]]


def timed(pool):
    squares = [n * n for n in range(JOBS)]
    work, expected = {
        "tiny_submit_map": (lambda: pool.map(square, range(JOBS), chunksize=1), squares),
        "tiny_submit_async": (lambda: submit_all(pool), squares),
        "tiny_map": (lambda: pool.map(square, range(JOBS)), squares),
        "heavy": (lambda: pool.map(heavy, range(JOBS), chunksize=1), [196418] * JOBS),
        "payload": (lambda: send_texts(pool), JOBS * MEBIBYTE),
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
    return {"first": walls[0], "typical": typical, "cpu": statistics.mean(cpus)}


def main():
    # Forked: what `-c` defines has no module that another process could import.
    pool = multiprocessing.get_context("fork").Pool(WORKERS)
    figures = idle(pool) if CASE == "idle" else timed(pool)
    pool.terminate()
    pool.join()
    print(json.dumps(figures))


main()
