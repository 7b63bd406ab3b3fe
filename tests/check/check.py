# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Does `./dev check` find what is wrong, and nothing else? A peer without a fault gets every point, each fault is found,
and wsclose's own programs do as well as libwebsockets lets them: check.py CHECK SERVER CLIENT PLAIN_SERVER."""

import concurrent.futures
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import peer

CHECK, SERVER, CLIENT, PLAIN_SERVER = sys.argv[1:]
PATIENCE = 120  # seconds for one run of the check

# fault of a server: the words that choose situations, the grade, and how the finding begins
SERVER_FAULTS = {
    "no answer": ("Close: 1000 \"bye\"", "broken", "5.5.1: it MUST answer with a Close frame, and ends TCP"),
    "silence": ("Close: 1000 \"bye\"", "broken", "5.5.1: it MUST answer with a Close frame, and does not"),
    "half a code": ("Close: 1000 \"bye\"", "broken", "5.5.1: the body of its Close frame MUST"),
    "sends 0": ("Close: 1000 \"bye\"", "broken", "5.5.1, 7.4: its Close frame has the code 0"),
    "sends 1004": ("Close: 1000 \"bye\"", "poor", "7.4.2: its Close frame has the code 1004"),
    "sends 1005": ("Close: 1000 \"bye\"", "broken", "7.4.1: its Close frame has the code 1005"),
    "sends bad text": ("Close: 1000 \"bye\"", "broken", "5.5.1, 8.1: the text of its Close frame is not UTF-8"),
    "sends too much": ("Close: 1000 \"bye\"", "broken", "5.5: a control frame MUST have at most 125 bytes"),
    "fragments": ("Close: 1000 \"bye\"", "broken", "5.5: a control frame MUST have at most 125 bytes"),
    "sets RSV1": ("Close: 1000 \"bye\"", "broken", "5.2: a reserved bit MUST be 0"),
    "wrong mask": ("Close: 1000 \"bye\"", "broken", "5.1: a server MUST NOT mask its frames"),
    "keeps TCP": ("Close: 1000 \"bye\"", "broken", "5.5.1: each side has sent a Close frame, so it MUST end TCP"),
    "resets": ("Close: 1000 \"bye\"", "poor", "7.1.1: it resets TCP"),
    "ends within a frame": ("Close: 1000 \"bye\"", "poor", "it ends within a frame"),
    "data behind Close": ("Close, then text", "broken", "5.5.1: it MUST NOT send data behind its Close frame"),
    "two Close frames": ("another Close", "poor", "5.5.1: it sends more than one Close frame"),
    "echoes any body": ("1006, a forbidden code", "broken", "7.4.1: its Close frame has the code 1006"),
    "takes long control frames": ("Close: 126 bytes", "broken", "5.5: a control frame MUST have at most 125 bytes"),
    "ignores UTF-8": ("text that is not UTF-8", "broken", "8.1: the connection MUST fail"),
    "ignores reserved bits": ("text with the bit RSV2", "broken", "5.2: the connection MUST fail"),
    "ignores opcodes": ("an unknown opcode for control", "broken", "5.2: the connection MUST fail"),
    "ignores masks": ("text masked wrongly", "broken", "5.1: the connection MUST fail"),
    "fails with 1000": ("an unknown opcode for data", "poor", "7.1.7, 10.7: its Close frame SHOULD say"),
    "fails without Close": ("an unknown opcode for data", "poor", "7.1.7, 10.7: it ends TCP without a Close frame"),
    "fails, and waits": ("its Close is not answered", "poor", "7.1.7, 7.1.1: it fails the connection, but"),
    "keeps TCP after FIN": ("FIN without Close", "poor", "our side of TCP has ended, and it keeps its own open"),
}
CLIENT_FAULTS = {
    "no answer": ("Close: 1000 \"bye\"", "broken", "5.5.1: it MUST answer with a Close frame, and ends TCP"),
    "wrong mask": ("Close: 1000 \"bye\"", "broken", "5.1: a client MUST mask its frames"),
    "keeps TCP": ("Close: 1000 \"bye\"", "broken", "5.5.1: each side has sent a Close frame, so it MUST end TCP"),
    "ignores masks": ("text masked wrongly", "broken", "5.1: the connection MUST fail"),
    "half a code": ("101 in one segment", "broken", "5.5.1: the body of its Close frame MUST"),
}
# What is said if nothing can be played.
REFUSALS = {
    "HTTP 404": "not a WebSocket at /: the server answers HTTP/1.1 404 Not Found",
    "no HTTP": "not a WebSocket server",
    "wrong key": "not a WebSocket server: Sec-WebSocket-Accept in its 101 is wrong",
    "wrong subprotocol": "wrong subprotocol: the server chose \"other\", and none was offered",
    "closes by itself": "it ends the connection by itself",
}
# Of libwebsockets, some of its versions: docs/checking.md.
LEFT_BY_LWS = {"Close behind 1 MB of text, echo unread": "poor",  # over TLS, if the machine is busy
               "text that is not UTF-8": "broken", "text masked wrongly": "broken", "Close: 126 bytes": "poor",
               "Close: 1000 bytes": "poor", "Close with the bit RSV1": "poor"}
LEFT_BY_LWS_CLIENTS = {**LEFT_BY_LWS, "Close in two fragments": "poor",
                       "Close with the bit RSV2": "poor", "text with the bit RSV2": "poor",
                       "an unknown opcode for data: 3": "poor", "an unknown opcode for control: 11": "poor"}
PLAIN_LWS = {"Close: one byte, half a code", "Close: 5000, a forbidden code", "Close: 65535, a forbidden code",
             "Close: text that is not UTF-8 (FF)", "Close: text with half a 日", "Close: text with a surrogate"}


class Failure(Exception):
    pass


def expect(what, expected, actual):
    if expected != actual:
        raise Failure(f"{what}: {actual!r} instead of {expected!r}")


class Result:
    """What a run of the check printed and how it ended."""

    def __init__(self, out, errors, status):
        lines = [json.loads(line) for line in out.splitlines()]
        self.situations = [line for line in lines if line["event"] == "situation"]
        self.score = next((line for line in lines if line["event"] == "score"), None)
        self.errors, self.status = errors, status

    def bad(self):
        return {one["name"]: one["grade"] for one in self.situations if one["grade"] != "good"}


def check_server(url, *options):
    done = subprocess.run([CHECK, url, "--json", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=PATIENCE)
    return Result(done.stdout.decode(), done.stderr.decode(), done.returncode)


def check_client(start, *options):
    """`start` is called with the URL, in a thread, when the check listens."""
    with subprocess.Popen([CHECK, "--listen", "0", "--json", "--wait", "20", *options], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as running:
        url = json.loads(running.stdout.readline())["url"]
        threading.Thread(target=start, args=(url,), daemon=True).start()
        out, errors = running.communicate(timeout=PATIENCE)
        return Result(out.decode(), errors.decode(), running.returncode)


def python_client(fault=""):
    return lambda url: peer.connect(int(re.search(r":(\d+)/", url).group(1)), fault)


def lws_client(url):
    with contextlib.suppress(subprocess.CalledProcessError):
        while True:  # until it cannot connect
            report = subprocess.run([CLIENT, "--url", url, "--insecure"], stdout=subprocess.PIPE, check=True).stdout
            if b"\"error\"" in report:
                return


@contextlib.contextmanager
def program(*command):
    """The port of a conformance program."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        try:
            yield json.loads(running.stdout.readline())["port"]
        finally:
            running.terminate()


# ---- the tests ----


def no_fault_is_invented_in_a_server():
    server = peer.Server()
    result = check_server(f"ws://127.0.0.1:{server.port}/path?query=1", "--header", "X-Test: yes", "--origin", "http://o",
                          "--protocol", "chat")
    expect("bad", {}, result.bad())
    expect("status", 0, result.status)
    expect("played", result.score["planned"], result.score["good"])
    for line in "GET /path?query=1 HTTP/1.1\r\n", "\r\nX-Test: yes\r\n", "\r\nOrigin: http://o\r\n", \
            "\r\nSec-WebSocket-Protocol: chat\r\n", f"\r\nHost: 127.0.0.1:{server.port}\r\n":
        expect("in the request", True, line in server.requests[0])


def no_fault_is_invented_in_a_client():
    result = check_client(python_client())
    expect("bad", {}, result.bad())
    expect("status", 0, result.status)


def find(result, grade, finding):
    findings = [(one["grade"], one["text"]) for situation in result.situations for one in situation["findings"]]
    if not any(how == grade and text.startswith(finding) for how, text in findings):
        raise Failure(f"not found: {finding}, but {findings or result.errors}")
    expect("status", 1 if any(how == "broken" for how, _ in findings) else 0, result.status)


def limit(fault):
    """A short one for what would wait for ever."""
    return ["--timeout", "1"] if re.match("silence|keeps|ignores|fails, and waits", fault) else []


def server_fault(fault, words, grade, finding):
    find(check_server(f"ws://127.0.0.1:{peer.Server(fault).port}", "--only", words, *limit(fault)), grade, finding)


def client_fault(fault, words, grade, finding):
    find(check_client(python_client(fault), "--only", words, *limit(fault)), grade, finding)


def refusal(fault, words):
    result = check_server(f"ws://127.0.0.1:{peer.Server(fault).port}/")
    expect("status", 2, result.status)
    expect("says so", True, words in result.errors)


def nobody_listens():
    server = peer.Server()
    server.listening.close()
    result = check_server(f"ws://127.0.0.1:{server.port}/")
    expect("status", 2, result.status)
    expect("says so", True, f"nothing listens on 127.0.0.1 port {server.port}" in result.errors)


def a_crash_stops_the_check():
    result = check_server(f"ws://127.0.0.1:{peer.Server('crashes').port}/", "--only", "reserved for later")
    expect("stopped", True, result.score["stopped"].startswith("after \"Close: 1004, reserved for later\": nothing listens"))
    expect("status", 1, result.status)
    expect("played", 1, len(result.situations))


def a_client_that_stays_away_is_no_verdict():
    result = check_client(lambda url: None, "--wait", "1")
    expect("status", 2, result.status)
    expect("says so", True, "no client came within 1 s" in result.errors)


def no_tls():
    result = check_server(f"wss://127.0.0.1:{peer.Server('no HTTP').port}/", "--timeout", "1")
    expect("status", 2, result.status)
    expect("says so", True, "no TLS with 127.0.0.1" in result.errors)


def ours_as_server():
    with program(SERVER, "--port", "0") as port:
        result = check_server(f"ws://127.0.0.1:{port}/", "--timeout", "4", "--protocol", "wsclose-conformance")
    expect("not left by lws", {}, dict(result.bad().items() - LEFT_BY_LWS.items()))
    expect("played", result.score["planned"], len(result.situations))


def ours_as_server_over_tls():
    with tempfile.TemporaryDirectory() as folder:
        cert, key = pathlib.Path(folder, "cert.pem"), pathlib.Path(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=localhost", "-days", "2", "-out", cert, "-keyout", key], check=True, stderr=subprocess.DEVNULL)
        with program(SERVER, "--port", "0", "--cert", cert, "--key", key) as port:
            result = check_server(f"wss://127.0.0.1:{port}/", "--timeout", "4")
    expect("not left by lws", {}, dict(result.bad().items() - LEFT_BY_LWS.items()))
    expect("played", result.score["planned"], len(result.situations))


def ours_as_client(*options):
    result = check_client(lws_client, "--timeout", "4", *options)
    expect("not left by lws", {}, dict(result.bad().items() - LEFT_BY_LWS_CLIENTS.items()))
    expect("played", result.score["planned"], len(result.situations))


def plain_lws():
    with program(PLAIN_SERVER, "--port", "0") as port:
        result = check_server(f"ws://127.0.0.1:{port}/", "--only", "Close: ")
    expect("good", set(), PLAIN_LWS - set(result.bad()))
    expect("status", 1, result.status)


tests = [(plain_lws,), (ours_as_server,), (ours_as_client,), (ours_as_client, "--tls"), (no_fault_is_invented_in_a_server,),
         (no_fault_is_invented_in_a_client,), (nobody_listens,), (a_crash_stops_the_check,), (no_tls,),
         (a_client_that_stays_away_is_no_verdict,),
         *((server_fault, fault, *expected) for fault, expected in SERVER_FAULTS.items()),
         *((client_fault, fault, *expected) for fault, expected in CLIENT_FAULTS.items()),
         *((refusal, *expected) for expected in REFUSALS.items())]
if shutil.which("openssl"):
    tests.append((ours_as_server_over_tls,))
else:
    print("wss:// is not tested: openssl is missing")


def run(test):
    try:
        test[0](*test[1:])
    except Exception as error:
        return f"{test[0].__name__} {' '.join(test[1:2])}: {error or type(error).__name__}"


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    failures = [failure for failure in pool.map(run, tests) if failure]
print("\n".join(failures))
print(f"{len(tests) - len(failures)} of {len(tests)} checks passed")
sys.exit(1 if failures else 0)
