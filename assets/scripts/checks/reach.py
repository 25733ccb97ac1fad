# Listens on some ports of one address and calls other nodes' ports, all at once, for a few seconds.
# Arguments: ADDRESS TOKEN SECONDS EXPECTED PORT,PORT,... ADDRESS/PORT,... (a dash for none).
# EXPECTED callers end it early. Runs with any Python 3; changes nothing.
import errno, select, socket, sys, time

address, token, seconds, expected = sys.argv[1], sys.argv[2].encode(), float(sys.argv[3]), int(sys.argv[4])
ports = [int(p) for p in sys.argv[5].split(",") if p != "-"]
targets = [(t.rpartition("/")[0], int(t.rpartition("/")[2])) for t in sys.argv[6].split(",") if t != "-"]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
began = time.time()
RETRY = seconds * 0.4  # the other side's listener may come up a little later
WAIT = seconds * 0.5  # a packet filter that drops never answers


def say(*words):
    print("@@", *words, flush=True)


def passed():
    return time.time() - began


def word(error):
    if error == errno.ECONNREFUSED:
        return "refused"
    if error in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM):
        return "unreachable"
    return "timeout" if error == errno.ETIMEDOUT else "failed"


say("tool", "python3")
listeners, callers = {}, {}
for port in ports:
    try:
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen(64)
        s.setblocking(False)
        listeners[s.fileno()] = s
        say("listen", port, "ok")
    except OSError as e:
        say("listen", port, "held" if e.errno == errno.EADDRINUSE else "failed", e.strerror)


class Call:
    """One try to reach a port; begun again while the answer is a reset."""

    def __init__(self, host, port):
        self.host, self.port, self.got, self.since = host, port, b"", passed()
        self.again, self.s = None, None
        self.begin()

    def begin(self):
        self.again, self.begun, self.connected = None, passed(), False
        self.s = socket.socket(family, socket.SOCK_STREAM)
        self.s.setblocking(False)
        try:
            self.s.bind((address, 0))
            error = self.s.connect_ex((self.host, self.port))
        except OSError as e:
            error = e.errno
        if error not in (0, errno.EINPROGRESS):
            self.fail(error)

    def fail(self, error):
        self.s.close()
        self.s = None
        if error == errno.ECONNREFUSED and passed() < RETRY:
            self.again = passed() + 0.1
        else:
            self.end(word(error), errno.errorcode.get(error, str(error)))

    def end(self, way, detail=""):
        if self.s is not None:
            self.s.close()
            self.s = None
        callers.pop((self.host, self.port), None)
        say("reach", self.host, self.port, way, int((passed() - self.begun) * 1000), detail)

    def ready(self):
        if not self.connected:
            error = self.s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                self.fail(error)
                return
            self.connected = True
        try:
            data = self.s.recv(256)
        except BlockingIOError:
            return
        except OSError as e:
            self.fail(e.errno)
            return
        self.got += data
        if token in self.got:
            self.end("open")
        elif not data or len(self.got) > 200:
            self.end("stranger")

    def tick(self):
        if self.again is not None and passed() >= self.again:
            self.begin()
        elif self.s is not None and passed() - self.begun > WAIT:
            self.end("stranger" if self.connected else "timeout")


def accept(s):
    try:
        c = s.accept()[0]
        c.setblocking(False)
        c.send(token + b"\n")
        c.close()
        return 1
    except OSError:
        return 0


for host, port in targets:
    callers[host, port] = None
for host, port in targets:
    call = Call(host, port)
    if (host, port) in callers:
        callers[host, port] = call

while passed() < seconds and (callers or expected > 0):
    open_calls = [c for c in callers.values() if c.s is not None]
    fresh = [c.s for c in open_calls if not c.connected]
    reading = [c.s for c in open_calls if c.connected] + list(listeners.values())
    ready = select.select(reading, fresh, [], 0.05)
    for s in ready[0]:
        if s.fileno() in listeners:
            expected -= accept(s)
    touched = set(id(s) for s in ready[0] + ready[1])
    for c in open_calls:
        if c.s is not None and id(c.s) in touched:
            c.ready()
    for c in list(callers.values()):
        c.tick()
for c in list(callers.values()):
    c.end("timeout")
