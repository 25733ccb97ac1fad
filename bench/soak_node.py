"""What runs on a node during the soak: writes numbered lines to the job's log, and on node 0
answers /metrics. Sent to the node's own Python (3.9 or later): ``python3 -c TEXT LOG RATE [PORT]``.

Standard input takes "rotate" (as detach.sh does it: the old log is moved to .1.txt), "truncate"
(copytruncate) and "stop"; each is answered by one line of JSON with the last number written.
"""

import json
import os
import select
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

METRICS = """\
vllm:num_requests_running{{engine="{e}",model_name="m"}} 1.0
vllm:num_requests_waiting{{engine="{e}",model_name="m"}} 0.0
vllm:kv_cache_usage_perc{{engine="{e}",model_name="m"}} 0.25
vllm:prompt_tokens_total{{engine="{e}",model_name="m"}} {n}.0
vllm:generation_tokens_total{{engine="{e}",model_name="m"}} {n}.0
vllm:iteration_tokens_total_count{{engine="{e}",model_name="m"}} {n}.0
vllm:iteration_tokens_total_sum{{engine="{e}",model_name="m"}} {n}.0
"""


class Api(BaseHTTPRequestHandler):
    """Counts steps by the clock: the figure says when it was read."""

    def do_GET(self):
        text = ""
        if self.path == "/metrics":
            text = "".join(METRICS.format(e=e, n=int(time.time() * 100)) for e in (0, 1))
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Writer:
    """The log and how far it is written."""

    def __init__(self, path):
        self.path = Path(path)
        self.number = 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.open()

    def open(self):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self.fd = os.open(self.path, flags, 0o644)

    def lines(self, count):
        text = ""
        for _ in range(count):
            self.number += 1
            stamp = time.strftime("%m-%d %H:%M:%S")
            text += (
                f"(EngineCore_DP0 pid=4711) INFO {stamp} [loggers.py:248] soak {self.number} Avg "
                f"generation throughput: {self.number % 313}.9 tokens/s, Running: 8 reqs\n"
            )
        data = text.encode()
        # Some lines come in two pieces, as those of a program that flushes in between.
        cut = len(data) - 40 if self.number % 3 == 0 else len(data)
        os.write(self.fd, data[:cut])
        if cut < len(data):
            time.sleep(0.02)
            os.write(self.fd, data[cut:])

    def rotate(self):
        self.path.rename(self.path.with_suffix(".1.txt"))
        os.close(self.fd)
        self.open()

    def truncate(self):
        os.ftruncate(self.fd, 0)


def main():
    path, rate = sys.argv[1], float(sys.argv[2])
    if len(sys.argv) > 3:
        server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3])), Api)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    writer = Writer(path)
    pause = 0.1
    due = time.monotonic()
    while True:
        due += pause
        ready, _, _ = select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))
        if ready:
            word = sys.stdin.readline().strip()
            if word in ("rotate", "truncate"):
                getattr(writer, word)()
            print(json.dumps({"did": word or "stop", "number": writer.number}), flush=True)
            if word not in ("rotate", "truncate"):
                return
        behind = int((time.monotonic() - due) / pause) + 1
        if behind > 0:
            writer.lines(int(rate * pause * behind))
            due += pause * (behind - 1)


main()
