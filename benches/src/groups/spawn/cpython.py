"""python3 -c SOURCE starts METHOD MEBIBYTES STARTS warm|cold
python3 -c SOURCE memory METHOD

Starts processes one after another and prints the seconds of each start as JSON; or prints what
/proc shows of an idle child and of its server.

A program given by -c has no file that a fresh child could import: targets are what the standard
library has. That spares CPython the import of a main module.
"""

import json
import mmap
import multiprocessing
import os
import sys
import time
from multiprocessing import forkserver

COMMAND, METHOD = sys.argv[1:3]
CONTEXT = multiprocessing.get_context(METHOD)


def ballast(mebibytes):
    """Private memory, each page of 4 KiB touched; shared memory would not be copied by fork."""
    length = mebibytes << 20
    memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for offset in range(0, length, 4096):
        memory[offset] = 1
    return memory


def start():
    """The job sends 7: what a Process returns is lost."""
    reader, writer = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=writer.send, args=(7,))
    process.start()
    writer.close()
    assert reader.recv() == 7, "a wrong result"
    process.join()
    reader.close()
    process.close()


def starts(mebibytes, count, state):
    memory = ballast(mebibytes) if mebibytes else None
    if state == "warm":
        start()
    seconds = []
    for _ in range(count):
        begin = time.perf_counter()
        start()
        seconds.append(time.perf_counter() - begin)
    del memory
    return seconds


def rollup(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return file.read()


def memory():
    reader, writer = CONTEXT.Pipe(duplex=False)
    rest = "import time; writer.send(pid()); time.sleep(1000)"
    names = {"writer": writer, "pid": os.getpid}
    child = CONTEXT.Process(target=exec, args=(rest, names))
    child.start()
    assert reader.recv() == child.pid, "a wrong child"
    server = forkserver._forkserver._forkserver_pid
    rollups = {"child": rollup(child.pid), "server": rollup(server) if server else None}
    child.kill()
    child.join()
    return rollups


if COMMAND == "memory":
    print(json.dumps(memory()))
else:
    print(json.dumps(starts(int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])))
