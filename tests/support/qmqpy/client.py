"""A connection with the questions a producer, a consumer and an operator ask. Every method waits for its answer."""

from . import commands as c
from . import frame as f
from .connection import Connection


class Pulled:
    """A pull answer with messages."""

    def __init__(self, answer, version):
        self.first = answer.first
        self.reserved = answer.reserved
        self.messages = answer.messages(version)

    @property
    def last(self):
        return self.first + len(self.messages) - 1

    @property
    def ids(self):
        return [m.id for _, _, m in self.messages]

    @property
    def payloads(self):
        return [raw for _, raw, _ in self.messages]


class Client(Connection):
    def send(self, *messages, version=9, timeout=None):
        """The results of messages that were not accepted: [] when all were."""
        answer = self.request(f.SEND, c.encode_send(messages), timeout, version=version)
        assert answer.code == f.SUCCESS, f"SEND answered {answer.code}"
        return c.decode_send_answer(answer.body)

    def post_pull(self, subject, group, consumer="c1", number=50, version=9, **more):
        request = c.PullRequest(subject, group, consumer, number, **more)
        return self.post(f.PULL, request.encode(version), version=version)

    def pulled(self, opaque, version=9, timeout=None):
        """The answer to a posted pull: a Pulled, or None when nothing was there."""
        answer = self.wait(opaque, timeout)
        if answer.code == f.NO_MESSAGE:
            assert not answer.body
            return None
        assert answer.code == f.SUCCESS, f"PULL answered {answer.code}"
        return Pulled(c.PullAnswer.decode(answer.body), version)

    def pull(self, subject, group, consumer="c1", number=50, version=9, **more):
        opaque = self.post_pull(subject, group, consumer, number, version, **more)
        return self.pulled(opaque, version, self.timeout + max(more.get("timeout", 0), 0) / 1000)

    def pull_code(self, subject, group, consumer="c1", number=50, version=9, **more):
        request = c.PullRequest(subject, group, consumer, number, **more)
        return self.request(f.PULL, request.encode(version), version=version).code

    def ack(self, subject, group, consumer, first, last, broadcast=0, version=9):
        """The answer's code."""
        request = c.AckRequest(subject, group, consumer, first, last, broadcast)
        answer = self.request(f.ACK, request.encode(version), version=version)
        assert not answer.body
        return answer.code

    def reset(self, subject, group, where):
        return self.request(f.CONSUME_MANAGE, c.ConsumeManage(subject, group, where).encode(), version=8).code

    def drain(self, subject, group, consumer="c1", **more):
        """Every message there is now, pulled and acknowledged: [(pull offset, raw, Message)]."""
        found = []
        while True:
            pulled = self.pull(subject, group, consumer, last=found[-1][0] if found else -1, **more)
            if pulled is None:
                return found
            found += pulled.messages
            assert self.ack(subject, group, consumer, pulled.first, pulled.last, int(more.get("broadcast", 0))) == 0

    def register(self, subject, type=c.CONSUMER, group="", client="", request=c.HEARTBEAT, **more):
        body = c.client_register(subject, type, group, client, "tests", request, **more)
        answer = self.request(f.CLIENT_REGISTER, body, opaque=0)
        assert answer.code == f.SUCCESS, f"CLIENT_REGISTER answered {answer.code}"
        return c.ClientRegisterAnswer.decode(answer.body)

    def acquire_meta(self, host, port):
        """(code, answer or None)"""
        answer = self.request(f.BROKER_ACQUIRE_META, c.AcquireMeta(host, port).encode(), version=8, request_code=-1)
        return answer.code, c.AcquireMetaAnswer.decode(answer.body) if answer.code == f.SUCCESS else None

    def broker_register(self, type, group, address="127.0.0.1:20881", role=c.MASTER, state=c.RW):
        body = c.BrokerRegister(type, group, address, role, state).encode()
        answer = self.request(f.BROKER_REGISTER, body, version=8, request_code=-1)
        assert not answer.body
        return answer.code

    def sync(self, type, message_offset=0, action_offset=0):
        """The answer frame to a broker's SYNC_LOG_REQUEST."""
        return self.request(f.SYNC_LOG, c.SyncLog(type, message_offset, action_offset).encode())
