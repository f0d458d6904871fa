"""The Python codec against the frames recorded between Java processes: each decodes and encodes to the same bytes."""

import json

import pytest
from fixtures import fixtures

from qmqpy import commands as c
from qmqpy import frame as f
from qmqpy.fields import Malformed, Reader, Writer

FILES = (
    "backup-meta backup-slave broker-meta client-broker client-delay client-meta delay-broker delay-meta "
    "delay-slave-master meta-broker slave-master probes"
).split()


def load(name):
    """[(peer, request Frame, answer Frame or None)]; paired by connection, code and opaque, or by content."""
    pairs, open_requests = [], {}
    with open(fixtures("wire") / f"{name}.jsonl", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            data = bytes.fromhex(row["hex"])
            frame = f.decode_one(data)
            assert frame.encode() == data
            key = (row["conn"], frame.opaque, frame.request_code if frame.is_response else frame.code)
            if row["dir"] == "req":
                pairs.append([row["peer"], frame, None])
                open_requests.setdefault(key, []).append(pairs[-1])
            else:
                waiting = open_requests[key]
                index = 0
                if frame.request_code == f.CLIENT_REGISTER and frame.code == f.SUCCESS:
                    index = match_register(waiting, frame)
                waiting.pop(index)[2] = frame
    return pairs


def match_register(waiting, answer):
    decoded = c.ClientRegisterAnswer.decode(answer.body)
    for index, (_, request, _) in enumerate(waiting):
        try:
            pairs = dict(Reader(request.body).map())
        except Malformed:
            continue
        same_group = pairs.get("consumerGroup", "") == decoded.group
        if pairs.get("subject", "") == decoded.subject and same_group:
            if str(decoded.type) == pairs.get("clientTypeCode", "3"):
                return index
    return 0


def is_delay_sync(peer):
    return "delay" in peer and "sync" in peer or peer == "delay-slave->delay-master"


def recode_request(peer, frame):
    body = frame.body
    if frame.code == f.SEND:
        return c.encode_send([m for _, _, m in c.decode_send(body)])
    if frame.code == f.PULL:
        return c.PullRequest.decode(body, frame.version).encode(frame.version)
    if frame.code == f.ACK:
        return c.AckRequest.decode(body, frame.version).encode(frame.version)
    if frame.code == f.CONSUME_MANAGE:
        return c.ConsumeManage.decode(body).encode()
    if frame.code == f.SYNC_LOG:
        return (c.DelaySyncLog if is_delay_sync(peer) else c.SyncLog).decode(body).encode()
    if frame.code == f.CLIENT_REGISTER:
        return Writer().map(Reader(body).map()).bytes()
    if frame.code == f.BROKER_ACQUIRE_META:
        return c.AcquireMeta.decode(body).encode()
    if frame.code == f.BROKER_REGISTER:
        return c.BrokerRegister.decode(body).encode()
    return body


def recode_answer(peer, request, answer):
    body = answer.body
    if answer.code != f.SUCCESS:
        assert not body, "an error answer with a body"
        return b""
    if request.code == f.SEND:
        return c.encode_send_answer(c.decode_send_answer(body))
    if request.code == f.PULL:
        decoded = c.PullAnswer.decode(body)
        rebuilt = b"".join(raw for _, raw, _ in decoded.messages(request.version))
        if request.version >= 8:
            rebuilt = b"".join(m.payload() for _, _, m in decoded.messages())
        return c.PullAnswer(decoded.first, decoded.reserved, rebuilt).encode()
    if request.code == f.SYNC_LOG:
        return recode_sync_answer(peer, request, body)
    if request.code == f.SYNC_CHECKPOINT:
        return c.Checkpoint.decode(body).encode()
    if request.code == f.CLIENT_REGISTER:
        return c.ClientRegisterAnswer.decode(body).encode()
    if request.code == f.BROKER_ACQUIRE_META:
        return c.AcquireMetaAnswer.decode(body).encode()
    assert not body
    return b""


def recode_sync_answer(peer, request, body):
    kind = request.body[0]
    if kind == c.SYNC_HEARTBEAT:
        return c.SyncEnds.decode(body).encode()
    if kind == c.SYNC_INDEX:
        return c.SyncIndex.decode(body).encode()
    if kind == c.SYNC_DISPATCH:
        return c.DelayDispatch.decode(body).encode()
    return c.SyncData.decode(body).encode()


def refused_for_its_meaning(request):
    """A request the original answered 51 although its body has the right layout."""
    body = request.body
    if request.code == f.BROKER_ACQUIRE_META:
        return True
    if request.code == f.BROKER_REGISTER:
        decoded = c.BrokerRegister.decode(body)
        return decoded.type not in (0, 1, 2) or decoded.role not in range(8)
    if request.code == f.ACK:
        decoded = c.AckRequest.decode(body, request.version)
        return "" in (decoded.subject, decoded.group, decoded.consumer)
    if request.code == f.SYNC_LOG:
        return body[0] not in (1, 2, 3, 5) or (len(body) == 41 and body[0] not in (2, 3, 4))
    return False


def accept_or_refuse(peer, request):
    """The body encoded again, or None when it is refused."""
    try:
        return recode_request(peer, request)
    except Malformed:
        return None


@pytest.mark.parametrize("name", FILES)
def test_fixture_frames(name):
    pairs = load(name)
    assert pairs
    for peer, request, answer in pairs:
        again = accept_or_refuse(peer, request)
        if answer is not None and answer.code == f.BROKER_ERROR:
            assert again is None or refused_for_its_meaning(request), (peer, request)
            continue
        if answer is not None and answer.code in (f.UNKNOWN_CODE, f.BROKER_REJECT):
            continue  # answered before the body was looked at
        assert again is not None, (peer, request)
        if name != "probes":  # a probe may carry bytes behind its body
            assert again == request.body, (peer, request)
        if answer is not None:
            assert recode_answer(peer, request, answer) == answer.body, (peer, answer)
