"""The child's side of the conversation: messages from descriptor 0, answers to descriptor 1, looks between them."""

import os
import select

import msgspec

from crazytrain.confined.serving import Serving
from crazytrain.model.inside_talk import MOST_MESSAGE_BYTES, Answer, Ask, Failed

_ASKS, _ANSWERS = 0, 1
_HEAD_BYTES = 4
_CHUNK_BYTES = 1 << 20


class Talk:
    """Made before privileges are given up, for making decoders looks up modules."""

    def __init__(self) -> None:
        self._decoder: msgspec.json.Decoder[Ask] = msgspec.json.Decoder(Ask)
        self._encoder = msgspec.json.Encoder()

    def serve(self, serving: Serving) -> None:
        """Answer until the other side hangs up."""
        while True:
            while not self._asked(serving.wait_ns()):
                serving.look()
            message = _message()
            if message is None:
                return
            self._send(self._bounded(self._answer(serving, message)))

    def _asked(self, wait_ns: int | None) -> bool:
        """Whether there is an ask, or the other side has gone, before a look is due."""
        return bool(select.select((_ASKS,), (), (), None if wait_ns is None else wait_ns / 1e9)[0])

    def _answer(self, serving: Serving, message: bytes) -> Answer:
        try:
            ask = self._decoder.decode(message)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return Failed(why="the ask is none")
        return serving.answer(ask)

    def _bounded(self, answer: Answer) -> bytes:
        try:
            data = self._encoder.encode(answer)
        except (msgspec.MsgspecError, UnicodeError, ValueError, OverflowError, MemoryError) as error:
            return self._encoder.encode(Failed(why=f"the answer cannot be said: {type(error).__name__}"))
        if len(data) <= MOST_MESSAGE_BYTES:
            return data
        return self._encoder.encode(Failed(why=f"the answer is larger than {MOST_MESSAGE_BYTES >> 20} MiB"))

    def _send(self, data: bytes) -> None:
        rest = memoryview(len(data).to_bytes(_HEAD_BYTES, "little") + data)
        while rest:
            rest = rest[os.write(_ANSWERS, rest) :]


def _message() -> bytes | None:
    head = _read(_HEAD_BYTES)
    size = int.from_bytes(head, "little") if head else 0
    return _read(size) if head and size <= MOST_MESSAGE_BYTES else None


def _read(size: int) -> bytes | None:
    """Just so many bytes; ``None`` where the other side has hung up before."""
    data = bytearray()
    while len(data) < size:
        part = os.read(_ASKS, min(size - len(data), _CHUNK_BYTES))
        if not part:
            return None
        data += part
    return bytes(data)
