"""Lines of managers, firmware and boot loaders, tables of threads that wait, and descriptors that hang up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.hung_up import decode_hung_up
from crazytrain.decode.long_calls import decode_long_calls
from crazytrain.decode.pidstat_servants import decode_pidstat_servants
from crazytrain.decode.ps_waits import decode_ps_waits
from crazytrain.decode.recognise import split
from crazytrain.decode.swap_text import decode_swap_text
from crazytrain.decode.tool_lines import decode_tool_lines
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.tool_lines import HungUp, ToolLine, ToolMeaning
from crazytrain.model.facts.waits import WaitInstant

M = ToolMeaning


def paste(text: str, kind: Kind = Kind.TEXT) -> Evidence:
    return Evidence(id="paste", kind=kind, source="paste", data=text.encode())


def lines(text: str) -> list[ToolLine]:
    return [fact for fact in decode_tool_lines(paste(text)) if isinstance(fact, ToolLine)]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("VM 7 qmp command failed - VM 7 qmp command 'query-blockstats' failed - got timeout", M.MONITOR_SILENT),
        ("error: Timed out during operation: cannot acquire state change lock", M.MONITOR_SILENT),
        (
            "Cannot start job (query, none) for domain shop; current job is (query, none) owned by (91 remoteDispatchDomainGetInfo, 0 <null>)",
            M.MONITOR_SILENT,
        ),
        ("(vmId='11') abnormal vm stop device ua-9 error enospc (vm:4000)", M.STOPPED_FOR_ERROR),
        ("qemu-system-x86_64: falling back to tcg", M.FELL_BACK),
        ("10.9.8.7: kern: warning: [x]: vcpu3 invoked oom-killer: gfp_mask=0xcc0", M.QEMU_KILLED),
        ("qemu-system-x86_64: error: failed to set MSR 0x345 to 0x1f", M.STATE_REFUSED),
        ("  doesn''t match; missing features: vmx-foo,sse5", M.CPU_LACKS),
        ("[   77.120001] *** Control State ***", M.STATE_DUMPED),
        ("ASSERT /edk2/MdePkg/Library/BaseLib/String.c(112): Length > 0", M.FIRMWARE_FAILED),
        ("!!!! X64 Exception Type - 06(#UD - Invalid Opcode)  CPU Apic ID - 00000003 !!!!", M.FIRMWARE_FAILED),
        ("grub rescue> ", M.NOTHING_TO_BOOT),
        ("PXE-E53: No boot filename received", M.NOTHING_TO_BOOT),
        ("mirror-scsi1: transferred 3.1 GiB of 80.0 GiB (3.88%) in 31s", M.MIGRATING),
        ("running (post-copy)", M.POSTCOPY_RUNS),
        (
            "Timed out: cannot acquire state change lock (held by monitor=remoteDispatchDomainMigratePerform3)",
            M.MIGRATING,
        ),
        ("root   4323  0.0  0.0      0     0 ?        D<   Dec05   0:01 [txg_quiesce]", M.DISK_SERVERS_HANG),
        ("qemu-kvm: VFIO_MAP_DMA failed: Bad address", M.MAP_REFUSED),
        (
            "usb 3-1: usbfs: USBDEVFS_BULK failed cmd qemu-kvm rqt 2 rq 9 len 31 ret -110",
            M.USB_TIMED_OUT,
        ),
        (" session5: session recovery timed out after 120 secs", M.STORAGE_LOST),
        ("Out of memory: Killed process 812 (qemu-kvm) total-vm:9000000kB", M.QEMU_KILLED),
        ("guest and host CPU are not compatible: Host CPU does not provide required features: sse9", M.CPU_LACKS),
        ('{"return": {"status": "postcopy-paused", "ram": {}}}', M.POSTCOPY_BROKE),
        ("qmpstatus: io-error", M.STOPPED_FOR_ERROR),
        ("device-mapper: thin: 253:4: switching pool to out-of-data-space mode", M.POOL_FULL),
        ("  data pve twi-aotzD- 1.67t 100.00 4.52", M.POOL_FULL),
        ("/dev/sda3 200G 200G 0 100% /var", M.POOL_FULL),
        ("12 slow ops, oldest one blocked for 4711 sec, osd.3 has slow ops", M.STORAGE_LOST),
        ("block nbd3: Connection timed out", M.STORAGE_LOST),
        ("usb 1-4: reset high-speed USB device number 7 using xhci_hcd", M.USB_LOST),
        ("saving VM state and RAM using storage 'local'", M.MIGRATING),
        ("VmSwap:\t 4100000 kB", M.QEMU_SWAPPED),
        ("Mem:            125         123           0           0           1           1", M.NO_MEMORY_LEFT),
    ],
)
def test_lines_are_known_by_their_fixed_words(text: str, meaning: ToolMeaning) -> None:
    found = lines(f"something else\n{text}\n")
    assert [(one.meaning, one.ref.line) for one in found] == [(meaning, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "VM 7 qmp command 'guest-ping' failed - got timeout",  # the agent in the guest
        "root   4323  0.0  0.0      0     0 ?        S<   Dec05   0:01 [txg_quiesce]",
        "QEMU is not using software emulation here",
        "Out of memory: Killed process 812 (java) total-vm:9000000kB",
        "the assertion did not help",
        "usb 3-1: usbfs: USBDEVFS_BULK failed cmd lsusb rqt 2 rq 9 len 31 ret -110",
        "VmSwap:\t    4100 kB",
        "  data pve twi-aotz-- 1.67t 71.00 4.52",
        "/dev/sda3 200G 190G 10G 96% /var",
        "<quota>-1</quota>",
        "<quota>100000</quota>",
        "Mem:            125          60           0           0          65          62",
    ],
)
def test_others_are_not(text: str) -> None:
    assert lines(text) == []


def test_the_pressure_of_memory_is_told_by_the_files_name() -> None:
    stalls = "some avg10=44.10 avg60=40.00 avg300=30.00 total=1\nfull avg10=20.00 avg60=1.00 avg300=1.00 total=1\n"
    found = lines(f"# cat /proc/pressure/memory\n{stalls}")
    assert [one.value for one in found] == [0.441, 0.2]
    assert lines(f"# cat /proc/pressure/io\n{stalls}") == []
    assert lines(stalls) == []


VMSTAT = """procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
"""


def test_vmstat_tells_what_comes_back_from_the_swap() -> None:
    first = " 1  0 900000  80000  100  9000 90000 90000  10  10  100 100  1  1 98  0  0\n"
    row = " 1  4 900000  80000  100  9000 {0} {0}  10  10  100 100  1  1 58 40  0\n"
    busy = [*decode_swap_text(paste(VMSTAT + first + row.format(8000) * 2))]
    assert [fact.meaning for fact in busy if isinstance(fact, ToolLine)] == [M.SWAPS]
    assert [*decode_swap_text(paste(VMSTAT + first + row.format(3) * 2))] == []
    assert [*decode_swap_text(paste(VMSTAT + first))] == []  # since boot, not now


def test_pidstat_shows_threads_that_serve_guests() -> None:
    head = "10:00:01      UID       PID    %usr %system  %guest   %wait    %CPU   CPU  Command\n"
    row = "10:00:02        0      {}    0.00   {}    0.00    0.00   {}     3  {}\n"
    text = head + row.format(901, "88.00", "88.00", "vhost-880") + row.format(902, "3.00", "3.00", "kswapd0")
    (found,) = decode_pidstat_servants(paste(text, Kind.SYSSTAT))
    assert isinstance(found, ToolLine)
    assert (found.who, found.value, found.ref.line) == ("vhost-880", 0.88, 2)


PS = " 500   500 Sl   poll_schedule_timeout  qemu-kvm\n 500   511 Dl   nfs_wait_bit_killable  worker\n"


@pytest.mark.parametrize("head", ["", "  PID   TID STAT WCHAN                  COMMAND\n"])
def test_threads_in_state_d_are_read_from_ps(head: str) -> None:
    (part,) = split("paste", (head + PS).encode())
    assert part.kind is Kind.PS
    (found,) = decode_ps_waits(part)
    assert isinstance(found, WaitInstant)
    assert [(one.tid, one.comm, one.state, one.wchan) for one in found.threads] == [
        (511, "worker", "D", "nfs_wait_bit_killable")
    ]
    assert found.partial


def test_others_threads_in_state_d_are_not_qemus() -> None:
    assert [*decode_ps_waits(paste(" 500   511 D    io_schedule  updatedb\n", Kind.PS))] == []


WAIT = "ppoll([{fd=8, events=POLLIN}, {fd=30, events=POLLIN}], 2, NULL, NULL, 8) = 1 ([{fd=30, revents=POLLHUP}])\n"


def hung_up(text: str) -> list[HungUp]:
    return [fact for fact in decode_hung_up(paste(text, Kind.STRACE)) if isinstance(fact, HungUp)]


def test_a_descriptor_that_hangs_up_in_each_wait_is_found() -> None:
    (found,) = hung_up(WAIT * 4)
    assert (found.fd, found.events, found.ready, found.waits, found.taken) == (30, ("POLLHUP",), 4, 4, 0)
    assert hung_up(WAIT) == []
    calm = WAIT.replace("POLLHUP", "POLLIN")
    assert hung_up(calm * 4) == []
    assert hung_up(WAIT * 2 + calm * 8) == []


def test_reads_tell_the_end_or_what_was_taken() -> None:
    (ended,) = hung_up('read(30, "", 4096) = 0\n' * 3)
    assert (ended.events, ended.waits) == (("end of file",), 3)
    (taken,) = hung_up((WAIT + 'read(30, "xyz", 4096) = 3\n') * 3)
    assert taken.taken == 9
    (refused,) = hung_up((WAIT + "recvfrom(30, 0x1, 1514, 0, 0x2, [16]) = -1 ECONNREFUSED (Connection refused)\n") * 3)
    assert refused.errors == ("ECONNREFUSED",)


def test_vmstat_tells_how_many_wait_for_a_cpu() -> None:
    row = "{0}  0      0  80000  100  9000    0    0     1    20 100 200 91  9  {1}  0  0\n"
    found = [*decode_swap_text(paste(VMSTAT + row.format(50, 0) * 3))]
    assert [fact.meaning for fact in found if isinstance(fact, ToolLine)] == [M.QUEUES]
    assert [*decode_swap_text(paste(VMSTAT + row.format(3, 0) * 3 + row.format(50, 60)))] == []


OPENED = '[pid 70] {} openat(AT_FDCWD, "/a", O_RDWR <unfinished ...>\n[pid 71] 09:00:01.000000 read(3, "", 8) = 0\n'


def test_the_two_halves_of_a_call_tell_how_long_it_took() -> None:
    text = OPENED.format("09:00:00.500000") + "[pid 70] 09:00:12.500000 <... openat resumed>) = 9\n"
    (found,) = decode_long_calls(paste(text, Kind.STRACE))
    assert isinstance(found, ToolLine)
    assert (found.who, found.value, found.ref.line) == ("openat", 12.0, 3)
    short = OPENED.format("09:00:12.400000") + "[pid 70] 09:00:12.500000 <... openat resumed>) = 9\n"
    assert [*decode_long_calls(paste(short, Kind.STRACE))] == []
    assert [*decode_long_calls(paste(text.replace("openat", "futex"), Kind.STRACE))] == []


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_error(text: str) -> None:
    decoders = (
        decode_tool_lines,
        decode_swap_text,
        decode_pidstat_servants,
        decode_ps_waits,
        decode_hung_up,
        decode_long_calls,
    )
    for decode in decoders:
        assert len([*decode(paste(text))]) < 400


def test_a_quota_is_a_part_of_its_period() -> None:
    (one,) = lines("<cputune>\n<period>50000</period>\n<vcpu_quota/>\n<quota>10000</quota>\n</cputune>\n")
    assert (one.meaning, one.value) == (M.QUOTA, 0.2)
