import msgspec

from crazytrain.decode.lab import decode_lab
from crazytrain.lab.actions import Action, PropActions
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.lab import LabDeed


def decoded(data: bytes) -> list[object]:
    return list(decode_lab(Evidence(id="lab.0", kind=Kind.LAB, source="lab-actions.json", data=data)))


def test_what_the_lab_did_beside_a_guest_is_told() -> None:
    action = Action(what="SIGSTOP to the guest's QEMU (pid 7)", wall_ns=1, mono_ns=1, took_ns=1)
    data = msgspec.json.encode(PropActions(on_purpose="the lab made it itself, to show it", actions=(action,)))
    (deed,) = decoded(data)
    assert isinstance(deed, LabDeed)
    assert deed.says == ("A lab guest: the lab made it itself, to show it.", f"It did: {action.what}")


def test_other_text_is_no_deed() -> None:
    for data in (b"", b"{}", b"[1]", b'{"on_purpose": 3, "actions": []}', b"\xff"):
        assert decoded(data) == []
