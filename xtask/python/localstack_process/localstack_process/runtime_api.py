"""The runtime interface of Lambda, for one process that handles one invocation at a time."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

ROOT = "/2018-06-01/runtime/"


class Invocation:
    """An event on its way through the function."""

    def __init__(self, payload, timeout):
        self.id = payload["invoke-id"]
        self.arn = payload["invoked-function-arn"]
        self.trace = payload.get("trace-id") or ""
        self.event = payload["payload"].encode()
        self.deadline_ms = int((time.time() + timeout) * 1000)
        self.answered = threading.Event()
        self.answer = b""
        self.failed = False

    def settle(self, answer, failed):
        if not self.answered.is_set():
            self.answer, self.failed = answer, failed
            self.answered.set()


class RuntimeApi:
    """Serves the interface on a port of its own."""

    def __init__(self):
        self.waiting = SimpleQueue()
        self.lock = threading.Lock()
        self.under_way = {}
        # Set once the function has asked for its first event, or will never do.
        self.initialised = threading.Event()
        self.init_error = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server.server_address[1]

    def submit(self, invocation):
        with self.lock:
            self.under_way[invocation.id] = invocation
        self.waiting.put(invocation)

    def forget(self, invocation):
        with self.lock:
            self.under_way.pop(invocation.id, None)

    def fail_all(self, error):
        """No answer will come any more."""
        with self.lock:
            lost = list(self.under_way.values())
        for invocation in lost:
            invocation.settle(error, True)
        if not self.initialised.is_set():
            self.init_error = error
            self.initialised.set()

    def close(self):
        self.waiting.put(None)
        self.server.shutdown()
        self.server.server_close()

    def _handler(api):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                if self.path != ROOT + "invocation/next":
                    return self.reply(404)
                api.initialised.set()
                invocation = api.waiting.get()
                if invocation is None:
                    return self.reply(410)
                headers = {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": invocation.id,
                    "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
                }
                if invocation.trace:
                    headers["Lambda-Runtime-Trace-Id"] = invocation.trace
                self.reply(200, invocation.event, headers)

            def do_POST(self):
                body = self.body()
                match self.path.removeprefix(ROOT).split("/"):
                    case ["init", "error"]:
                        api.fail_all(body)
                    case ["invocation", id, "response" | "error" as kind]:
                        with api.lock:
                            invocation = api.under_way.get(id)
                        if invocation is None:
                            return self.reply(400)
                        invocation.settle(body, kind == "error")
                    case _:
                        return self.reply(404)
                self.reply(202, b'{"status":"OK"}')

            def body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)

            def reply(self, status, body=b"", headers={}):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
