"""python3 -c SOURCE ping Apart|Together|Free GAP busy|asleep HOGS SECONDS
python3 -c SOURCE idle SECONDS

Round trips over two queues of multiprocessing for SECONDS: prints the nanoseconds of p50, mean,
p99, and the CPU time of both sides as JSON. Or a getter that waits for SECONDS: prints the
microseconds of its CPU time and its voluntary context switches.
"""

import json
import multiprocessing
import os
import resource
import signal
import sys
import time

COMMAND = sys.argv[1]
CONTEXT = multiprocessing.get_context("fork")
PATIENCE = 60
CAPACITY = 64
WARM_UP = 50
STOP = bytes(64)


def side(function, cpu, arguments, pipe):
    """Bounded in time, like all of it: a side that hangs is killed by its alarm."""
    signal.alarm(PATIENCE)
    if cpu is not None:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[cpu]})
    pipe.send(function(*arguments))


def start(function, cpu, *arguments):
    reader, writer = CONTEXT.Pipe(duplex=False)
    CONTEXT.Process(target=side, args=(function, cpu, arguments, writer), daemon=True).start()
    writer.close()
    return reader


def message(number):
    return number.to_bytes(8, "little") + b"x" * 56


def call(there, back, meeting, gap, how, seconds):
    def trip(content):
        there.put(content)
        assert back.get() == content, "a wrong answer"

    for number in range(WARM_UP):
        trip(message(number))
    meeting.wait()
    clock = time.perf_counter
    trips, computed, number = [], 0, 0
    cpu, end = time.process_time(), clock() + seconds
    while clock() < end:
        begin = clock()
        if how == "asleep":
            time.sleep(gap)
        else:
            while clock() - begin < gap:
                pass
            computed += clock() - begin
        begin = clock()
        trip(message(number))
        trips.append(clock() - begin)
        number += 1
    cpu = max(time.process_time() - cpu - computed, 0)
    trip(STOP)
    meeting.wait()
    return sorted(trips), cpu / len(trips)


def answer(there, back, meeting):
    for _ in range(WARM_UP):
        back.put(there.get())
    meeting.wait()
    cpu = time.process_time()
    content = None
    while content != STOP:
        content = there.get()
        back.put(content)
    cpu = time.process_time() - cpu
    meeting.wait()
    return cpu


def hog():
    state = 1
    while True:
        state = state * 5 % 7919


def ping(placement, gap, how, hogs, seconds):
    there, back, meeting = CONTEXT.Queue(CAPACITY), CONTEXT.Queue(CAPACITY), CONTEXT.Barrier(2)
    first, second = {"Apart": (0, 1), "Together": (0, 0), "Free": (None, None)}[placement]
    running = [CONTEXT.Process(target=hog, daemon=True) for _ in range(hogs)]
    for process in running:
        process.start()
    caller = start(call, first, there, back, meeting, gap, how, seconds)
    answerer = start(answer, second, there, back, meeting)
    (trips, cpu), answering = caller.recv(), answerer.recv()
    for process in running:
        process.kill()
    count = len(trips)
    p99 = trips[-(-count * 99 // 100) - 1]
    values = [trips[count // 2], sum(trips) / count, p99, cpu, answering / count]
    return [value * 1e9 for value in values]


def put(queue, meeting, seconds):
    for number in range(WARM_UP):
        queue.put(message(number))
    meeting.wait()
    time.sleep(seconds)
    queue.put(message(WARM_UP))
    meeting.wait()


def get(queue, meeting):
    for number in range(WARM_UP):
        assert queue.get() == message(number)
    meeting.wait()
    before = resource.getrusage(resource.RUSAGE_SELF)
    cpu = time.process_time()
    assert queue.get() == message(WARM_UP)
    cpu = time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_SELF)
    meeting.wait()
    return [cpu * 1e6, after.ru_nvcsw - before.ru_nvcsw]


def idle(seconds):
    queue, meeting = CONTEXT.Queue(CAPACITY), CONTEXT.Barrier(2)
    putter = start(put, 0, queue, meeting, seconds)
    getter = start(get, 1, queue, meeting)
    values = getter.recv()
    putter.recv()
    return values


def main():
    signal.alarm(PATIENCE)
    if COMMAND == "idle":
        values = idle(float(sys.argv[2]))
    else:
        placement, gap, how, hogs, seconds = sys.argv[2:]
        values = ping(placement, float(gap), how, int(hogs), float(seconds))
    print(json.dumps(values))


main()
