"""python3 -c SOURCE SIZE,CAPACITY,PRODUCERS,CONSUMERS Apart|Free SECONDS

Sends messages through a multiprocessing.Queue for SECONDS and prints the nanoseconds of wall and
CPU time of a message as JSON.
"""

import json
import multiprocessing
import os
import signal
import struct
import sys
import time

SIZE, CAPACITY, PRODUCERS, CONSUMERS = map(int, sys.argv[1].split(","))
IS_PINNED = sys.argv[2] == "Apart"
SECONDS = float(sys.argv[3])

CONTEXT = multiprocessing.get_context("fork")
PATIENCE = 60
TAG = struct.Struct("QQ")
BODY = bytes(range(256)) * (SIZE // 256 + 1)
BODY = BODY[: SIZE - TAG.size]
STOP = 2**64 - 1


def side(function, cpu, arguments, pipe):
    """Bounded in time, like all of it: a side that hangs is killed by its alarm."""
    signal.alarm(PATIENCE)
    if IS_PINNED:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[cpu]})
    pipe.send(function(*arguments))


def produce(queue, meeting, producer):
    number = 0

    def send(count):
        nonlocal number
        for _ in range(count):
            queue.put(TAG.pack(producer, number) + BODY)
            number += 1

    def stop():
        for _ in range(CONSUMERS):
            queue.put(TAG.pack(producer, STOP) + BODY)

    send(CAPACITY)
    stop()
    warm_up = number
    meeting.wait()
    begin, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < SECONDS:
        send(1)
    stop()
    end = time.perf_counter()
    # The feeder thread is still at work: its CPU time counts as well.
    meeting.wait()
    return begin, end, time.process_time() - cpu, number - warm_up, number


def consume(queue, meeting):
    due = [0] * PRODUCERS
    received = [0] * PRODUCERS
    sums = [0] * PRODUCERS

    def receive():
        running = PRODUCERS
        while running:
            message = queue.get()
            producer, number = TAG.unpack_from(message)
            assert message[TAG.size :] == BODY, "a torn message"
            if number == STOP:
                running -= 1
                continue
            assert number == due[producer] if CONSUMERS == 1 else number >= due[producer]
            due[producer] = number + 1
            received[producer] += 1
            sums[producer] += number

    receive()
    meeting.wait()
    begin, cpu = time.perf_counter(), time.process_time()
    receive()
    end, cpu = time.perf_counter(), time.process_time() - cpu
    meeting.wait()
    return begin, end, cpu, received, sums


def main():
    signal.alarm(PATIENCE)
    queue = CONTEXT.Queue(CAPACITY)
    meeting = CONTEXT.Barrier(PRODUCERS + CONSUMERS)
    sides = [(produce, 0, (queue, meeting, producer)) for producer in range(PRODUCERS)]
    sides += [(consume, 1, (queue, meeting)) for _ in range(CONSUMERS)]
    pipes = []
    for arguments in sides:
        reader, writer = CONTEXT.Pipe(duplex=False)
        CONTEXT.Process(target=side, args=(*arguments, writer), daemon=True).start()
        writer.close()
        pipes.append(reader)
    reports = [pipe.recv() for pipe in pipes]
    produced, consumed = reports[:PRODUCERS], reports[PRODUCERS:]
    for producer, (*_, sent) in enumerate(produced):
        assert sum(report[3][producer] for report in consumed) == sent, "lost messages"
        expected = sent * (sent - 1) // 2
        assert sum(report[4][producer] for report in consumed) == expected, "wrong messages"
    wall = max(report[1] for report in reports) - min(report[0] for report in reports)
    cpu = sum(report[2] for report in reports)
    timed = sum(report[3] for report in produced)
    print(json.dumps([wall / timed * 1e9, cpu / timed * 1e9]))


main()
