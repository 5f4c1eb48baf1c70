"""`crazytrain logs` as tests ask it: in a process of its own, or here."""

import subprocess
import sys

import msgspec
import pytest

from crazytrain.cli import log_showing
from crazytrain.cli.log_showing import Wish
from crazytrain.model.log_view import LogView

LIMIT_S = 120


def run(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = (sys.executable, "-m", "crazytrain", "logs", "--zone", "UTC", *arguments)
    return subprocess.run(command, input=data, capture_output=True, check=False, timeout=LIMIT_S)


def view(capsys: pytest.CaptureFixture[str], **wish: object) -> LogView:
    log_showing.show(msgspec.convert({"zone": "UTC", **wish, "as_json": True}, Wish, strict=False), quiet=True)
    return msgspec.json.decode(capsys.readouterr().out, type=LogView)


def shown(capsys: pytest.CaptureFixture[str], **wish: object) -> str:
    log_showing.show(msgspec.convert({"zone": "UTC", **wish}, Wish, strict=False), quiet=True)
    return capsys.readouterr().out


def raw(capfdbinary: pytest.CaptureFixture[bytes], *templates: str, **wish: object) -> bytes:
    sys.stdout.flush()
    log_showing.show(
        msgspec.convert({"zone": "UTC", **wish, "raw": templates, "as_bytes": True}, Wish, strict=False), quiet=True
    )
    sys.stdout.flush()
    return capfdbinary.readouterr().out
