from crazytrain.derive.resets import derive_resets
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts
from crazytrain.model.facts.services import QemuEvent

BY_GUEST = '{"guest": true, "reason": "guest-reset"}'
BY_HOST = '{"guest": false, "reason": "host-qmp-system-reset"}'


def event(at_s: float, says: str, name: str = "RESET") -> QemuEvent:
    return QemuEvent(name=name, wall_ns=int(at_s * 1e9), says=says, ref=Ref("qmp.0", int(at_s)))


def test_only_resets_count_and_whose_they_are_is_kept() -> None:
    heard = (event(5, BY_GUEST), event(1, BY_GUEST), event(3, BY_HOST), event(4, "{}"), event(2, "{}", "RTC_CHANGE"))
    found = derive_resets(Facts(heard))
    assert found is not None
    assert (found.by_guest, found.by_host, found.untold) == (2, 1, 1)
    assert found.shortest_ns == 10**9
    assert len(found.refs) == 4


def test_nothing_heard_is_nothing_known() -> None:
    assert derive_resets(Facts((event(1, "", "STOP"),))) is None


def test_what_is_no_json_is_an_untold_reset() -> None:
    found = derive_resets(Facts((event(1, '{"guest": tr'),)))
    assert found is not None
    assert (found.untold, found.shortest_ns) == (1, None)


def test_one_reset_that_is_told_twice_is_one() -> None:
    found = derive_resets(Facts((event(7, BY_GUEST), event(7.001, BY_GUEST), event(9, BY_GUEST))))
    assert found is not None
    assert found.by_guest == 2
    assert found.shortest_ns == 2 * 10**9
