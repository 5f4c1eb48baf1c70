"""Main loops that talk to a peer which does not answer, threads that wait for one another, exits that nobody can act upon."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude

HANDSHAKE = """Thread 1 (Thread 0x7f6be0a3f540 (LWP 7001)):
#0  0x00007f6bdfb1f4dc in recvmsg () from /lib64/libc.so.6
#1  0x000055c7cd2d3ba9 in qio_channel_socket_readv ()
#2  0x000055c7cd245d0e in qcrypto_tls_session_handshake ()
#3  0x000055c7cd245e1f in qio_channel_tls_handshake_task ()
#4  0x000055c7cd2cf9ee in main_loop_wait ()
#5  0x000055c7cd0bfc34 in main ()
"""
PLAIN = HANDSHAKE.replace("qcrypto_tls_session_handshake", "tcp_chr_recv").replace(
    "qio_channel_tls_handshake_task", "tcp_chr_read"
)
MIGRATES = """Thread 5 (Thread 0x7f30b3dff700 (LWP 7005) "live_migration"):
#0  0x00007f6bdfb1f4dc in ram_save_host_page ()
#1  0x000055c7cd245d0e in ram_save_iterate ()
#2  0x000055c7cd245e1f in migration_iteration_run ()
#3  0x000055c7cd2cf9ee in migration_thread ()
"""
WAITS = MIGRATES.replace("ram_save_host_page", "qemu_sem_wait")
GIVEN_BACK = """2026-01-04T10:00:00.000000Z qemu-system-x86_64: info
KVM: exception 6 exit (error code 0x0)
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00050656
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
"""


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def confidence(text: str, cause: str) -> float:
    return next((one.confidence for one in report(text).findings if one.cause == cause), 0.0)


def test_a_handshake_in_the_main_loop_waits_for_its_peer() -> None:
    assert confidence(HANDSHAKE, "blocked-sync-io") > 2 * confidence(PLAIN, "blocked-sync-io")


def test_a_migration_that_waits_for_another_thread_does_no_work() -> None:
    assert confidence(MIGRATES, "migration-running") > 0.2
    assert confidence(WAITS, "migration-running") < 0.1


@pytest.mark.parametrize(
    "text", [GIVEN_BACK, GIVEN_BACK.replace("exception 6 exit (error code 0x0)", "unknown exit, hardware reason 3a")]
)
def test_an_exit_that_nobody_can_act_upon_is_the_end_of_the_vcpu(text: str) -> None:
    said = report(text).verdict
    assert said.family == "vcpu-cannot-run"
    assert said.confidence < 0.8
