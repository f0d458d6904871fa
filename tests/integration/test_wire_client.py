"""wire_13 and wire_14 and the limits of attributes, for our client: `qmq send` against a scripted broker."""

import subprocess
import threading
import time

import pytest
from harness import ADDRESS, free_port
from peers import FakeMetaserver, FrameServer

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.fields import Reader
from qmqpy.frame import Frame


class ScriptedBroker(FrameServer):
    """Keeps SEND requests and answers them when told to."""

    def __init__(self):
        self.held = []  # (frame, peer)
        self.on_send = lambda frame, peer: frame.answer()
        super().__init__(self._answer)

    def _answer(self, frame, peer):
        return self.on_send(frame, peer) if frame.code == f.SEND else frame.answer(f.UNKNOWN_CODE)

    def sends(self):
        return [(at, frame) for at, _, frame in list(self.received) if frame.code == f.SEND]

    def messages(self):
        return [decoded for _, frame in self.sends() for _, _, decoded in c.decode_send(frame.body)]


@pytest.fixture
def broker():
    server = ScriptedBroker()
    yield server
    server.close()


@pytest.fixture
def metaserver(broker):
    route = c.GroupRoute("bg1", f"{ADDRESS}:{broker.port}", 1559880000000, c.RW)
    server = FakeMetaserver(routes={None: [route]})
    yield server
    server.close()


@pytest.fixture
def qmq_send(tree, metaserver, tmp_path):
    def run(lines, *options, seconds=60):
        command = [tree / "bin" / "qmq.sh", "send", "client.subject", "-", *options]
        return subprocess.run(
            [*command, "--metaserver", f"{ADDRESS}:{metaserver.http_port}"],
            input="".join(line + "\n" for line in lines),
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=tmp_path,
            check=False,
        )

    return run


def test_wire_13_answers_in_any_order_and_an_unknown_opaque(broker, qmq_send):
    done = threading.Event()

    def hold(frame, peer):
        broker.held.append((frame, peer))

    def answer_backwards():
        while not done.wait(0.02):
            batch, broker.held = broker.held, []
            for frame, peer in reversed(batch):
                peer.write(Frame(f.SUCCESS, 9, frame.opaque ^ 0x40000000, 1, f.SEND).encode())
                peer.write(frame.answer().encode())

    broker.on_send = hold
    answerer = threading.Thread(target=answer_backwards)
    answerer.start()
    finished = qmq_send([f"line {number}" for number in range(60)], "--batch", "1")
    done.set()
    answerer.join()
    assert finished.returncode == 0, finished.stderr
    assert sorted(m.attributes()["data"] for m in broker.messages()) == sorted(f"line {n}" for n in range(60))


@pytest.mark.slow
def test_wire_14_a_request_without_answer_fails_at_its_time_out(broker, qmq_send):
    silent = [True]

    def first_unanswered(frame, peer):
        return None if silent and silent.pop() else frame.answer()

    broker.on_send = first_unanswered
    finished = qmq_send(["only"])
    assert finished.returncode == 0, finished.stderr
    (first, _), (second, _) = broker.sends()
    assert 5.0 <= second - first < 8.0  # 5 s, found by a sweep of at most 1 s
    assert len({m.id for m in broker.messages()}) == 1


def test_wire_14_requests_of_a_lost_connection_fail_at_once(broker, qmq_send):
    lost = [True] * 3

    def close(frame, peer):
        if lost and lost.pop():
            peer.close()
            return None
        return frame.answer()

    broker.on_send = close
    start = time.monotonic()
    finished = qmq_send(["a", "b", "c"], "--batch", "1")
    assert finished.returncode == 0, finished.stderr
    assert time.monotonic() - start < 4.5
    assert {m.attributes()["data"] for m in broker.messages()} == {"a", "b", "c"}


def test_wire_client_requests_have_the_right_header(broker, metaserver, qmq_send):
    assert qmq_send(["one"]).returncode == 0
    for _, frame in broker.sends():
        assert (frame.version, frame.flag, frame.request_code) == (9, 0, f.SEND)
    registered = metaserver.frames(f.CLIENT_REGISTER)
    assert {(one.version, one.request_code) for one in registered} == {(9, f.CLIENT_REGISTER)}
    pairs = dict(Reader(registered[0].body).map())
    assert (pairs["subject"], pairs["clientTypeCode"], pairs["requestType"]) == ("client.subject", "1", "1")
    assert metaserver.http_requests[0].startswith("/meta/address")
    [sent] = broker.messages()
    assert sent.attributes()["qmq_createTime"] == str(sent.created)


def large_string(attributes, key):
    """A value in the large-string form of section 7.4."""
    assert key not in attributes
    count = sum(name.startswith(f"{key}#part") for name in attributes)
    parts = [attributes[f"{key}#part{number}"] for number in range(count)]
    assert all(len(part.encode("utf-16-le")) <= 2 * 8192 for part in parts)
    return "".join(parts)


@pytest.mark.parametrize("text", ["x" * 40000, "大" * 20000, "😀" * 9000], ids=["ascii", "chinese", "surrogates"])
def test_input_a_value_over_32767_bytes_is_sent_in_parts(broker, qmq_send, text):
    assert qmq_send([text], "--attr", "more=" + text[:30000]).returncode == 0
    [sent] = broker.messages()
    assert large_string(sent.attributes(), "data") == text
    more = sent.attributes().get("more")
    assert (more or large_string(sent.attributes(), "more")) == text[:30000]


def test_wire_16_input_a_key_over_32767_bytes_is_refused_by_name(broker, qmq_send):
    finished = qmq_send(["one"], "--attr", "k" * 32768 + "=v")
    assert finished.returncode == 2
    [line] = finished.stderr.strip().splitlines()
    assert "kkkk" in line and len(line) < 1000
    assert broker.sends() == []


def test_input_a_refused_message_is_named_and_kept(broker, qmq_send, tmp_path):
    def refuse(frame, peer):
        [(_, _, decoded)] = c.decode_send(frame.body)
        if decoded.attributes()["data"] != "bad":
            return frame.answer()
        return frame.answer(f.SUCCESS, c.encode_send_answer([c.SendResult(decoded.id, 5, "blocked")]))

    broker.on_send = refuse
    finished = qmq_send(["good", "bad"], "--batch", "1")
    assert finished.returncode == 1
    assert "blocked" in finished.stderr or "refused" in finished.stderr
    kept = [path for path in tmp_path.iterdir() if path.read_text().strip() == "bad"]
    assert len(kept) == 1 and kept[0].name in finished.stderr


def test_input_an_unreachable_metaserver_gives_exit_code_3(tree, tmp_path):
    port = free_port()
    finished = subprocess.run(
        [tree / "bin" / "qmq.sh", "send", "client.subject", "-", "--metaserver", f"{ADDRESS}:{port}"],
        input="one\n",
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert finished.returncode == 3
    assert f"{ADDRESS}:{port}" in finished.stderr
