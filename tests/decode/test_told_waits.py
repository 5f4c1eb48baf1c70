"""What is said of threads of QEMU that the host's kernel holds, of consoles that stay silent, and what is no prose at all."""

import pytest

from crazytrain.decode.told import decode_told
from crazytrain.derive.telling import derive_telling
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import Facts
from crazytrain.model.facts.told import Stance, Told, Topic

T, S = Topic, Stance


def told(text: str) -> list[Told]:
    return list(decode_told(Evidence(id="mail", kind=Kind.TOLD, source="mail", data=text.encode())))


def topics(text: str) -> set[Topic]:
    return {one.topic for one in told(text) if one.stance is S.SEEN}


@pytest.mark.parametrize(
    "text",
    [
        "On the host the qemu-kvm process sits in D state for an hour.",
        "Two of QEMU's worker threads are in uninterruptible sleep there.",
        "The kvm process goes into state D as soon as the array degrades.",
    ],
)
def test_threads_of_qemu_in_state_d_are_the_hosts(text: str) -> None:
    assert T.QEMU_IN_D in topics(text)
    assert T.HUNG_TASK not in topics(text)


@pytest.mark.parametrize(
    "text",
    ["In the kvm guest several processes are in state D.", "No qemu thread is in D state on that host."],
)
def test_tasks_of_the_guest_in_state_d_are_not(text: str) -> None:
    assert T.QEMU_IN_D not in topics(text)


@pytest.mark.parametrize(
    "text",
    [
        "Without -nographic the machine boots to the end.",
        "When -nographic is removed, it boots as it should.",
        "VNC shows the login prompt, while on the serial line nothing more is written.",
        "I forgot console=ttyS0 in that image.",
    ],
)
def test_a_console_to_which_the_guest_does_not_write(text: str) -> None:
    assert T.SILENT_CONSOLE in topics(text)


def test_what_looks_hung_on_a_silent_console_does_not_hang() -> None:
    hung = "The guest hangs at the boot loader."
    silent = f"{hung} Without -nographic the machine boots to the end."
    for text, there in ((hung, True), (silent, False)):
        telling = derive_telling(Facts(told(text)))
        assert telling is not None
        assert (T.GUEST_HUNG in {one.topic for one in telling.told}) is there


def test_lines_of_options_and_chains_of_functions_are_no_prose() -> None:
    assert T.CHARDEV not in topics("The guest is slow.\n\n-serial mon:stdio -nographic")
    assert T.DRAIN not in topics("This is the chain of calls:\n\nbdrv_drain_all_begin\naio_poll()\n")


def test_a_state_that_a_process_stays_in_is_no_complaint() -> None:
    assert T.QEMU_HUNG not in topics("The qemu process remains in state Sl+ all the while.")
    assert T.QEMU_HUNG in topics("The qemu process hangs all the while.")


def test_a_deadline_that_cannot_be_is_always_due_and_one_that_a_jump_passed_is_not() -> None:
    assert T.ALARM_FLOOR in topics("The next expiry of that timer overflows when the period is large.")
    assert T.ALARM_FLOOR not in topics("The clock jumped, and each timer's deadline was in the past then.")


def test_what_the_older_version_of_qemu_cures_is_not_the_hosts_kernel() -> None:
    said = told("The guest crawls since QEMU was upgraded to 6.2.0. Going back to 6.1.0-3.fc35 corrects it.")
    assert not [one for one in said if one.topic is T.HOST_KERNEL]
    said = told(
        "The guest crawls since the host's kernel was upgraded to 6.2.0. Going back to 6.1.0-3.fc35 corrects it."
    )
    assert [one for one in said if one.topic is T.HOST_KERNEL]
