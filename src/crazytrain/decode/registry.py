"""Evidence to facts, pure: one file per format. ``DECODERS`` is the registry: which kind is read by whom."""

from collections.abc import Callable, Iterable

from crazytrain.decode.backtrace import decode_backtrace
from crazytrain.decode.bcc_exits import decode_bcc_exits
from crazytrain.decode.blocked_log import decode_blocked_log
from crazytrain.decode.blocked_tasks import decode_blocked_tasks
from crazytrain.decode.bpf import decode_bpf
from crazytrain.decode.bpf_maps_text import decode_bpf_maps
from crazytrain.decode.bsd_interrupts import decode_bsd_interrupts
from crazytrain.decode.cgroup import decode_cgroup
from crazytrain.decode.clock_agent import decode_clock_agent
from crazytrain.decode.clock_argv import decode_clock_identity
from crazytrain.decode.clock_console import decode_clock_console
from crazytrain.decode.clock_watch import decode_clock_watch
from crazytrain.decode.clock_xml import decode_clock_setup
from crazytrain.decode.command_line import decode_command_line
from crazytrain.decode.console import decode_console
from crazytrain.decode.counted_exits import decode_counted_exits
from crazytrain.decode.cpu_stat_text import decode_cpu_stat
from crazytrain.decode.crash_bt import decode_crash_bt
from crazytrain.decode.crash_ps import decode_crash_ps
from crazytrain.decode.descriptors import decode_descriptors
from crazytrain.decode.domblkstat import decode_domblkstat
from crazytrain.decode.domstats import decode_domstats
from crazytrain.decode.early_end import decode_early_end
from crazytrain.decode.epoll_sets import decode_epoll_sets
from crazytrain.decode.eventfd_counts import decode_eventfd_counts
from crazytrain.decode.fd_listing import decode_fd_listing
from crazytrain.decode.folded_sleeps import decode_folded_sleeps
from crazytrain.decode.folded_stacks import decode_folded_stacks
from crazytrain.decode.guest_backtrace import decode_guest_backtrace
from crazytrain.decode.guest_memory_text import decode_guest_memory
from crazytrain.decode.guest_tool_lines import decode_guest_tool_lines
from crazytrain.decode.host import decode_host
from crazytrain.decode.host_params import decode_host_params
from crazytrain.decode.hung_up import decode_hung_up
from crazytrain.decode.identity import decode_identity
from crazytrain.decode.inside import decode_inside, decode_inside_log, decode_inside_profile
from crazytrain.decode.interrupt_readings import decode_interrupt_readings
from crazytrain.decode.iostat_text import decode_iostat
from crazytrain.decode.iotop_text import decode_iotop
from crazytrain.decode.kernel_log import decode_kernel_log
from crazytrain.decode.kernel_stack import decode_kernel_stack
from crazytrain.decode.kvm_stat_text import decode_kvm_stat
from crazytrain.decode.kvm_stats import decode_kvm_stats
from crazytrain.decode.kvm_trace import decode_kvm_trace
from crazytrain.decode.lab import decode_lab
from crazytrain.decode.libvirt_events import decode_libvirt_events
from crazytrain.decode.libvirt_text import decode_libvirt_text
from crazytrain.decode.libvirt_xml import decode_libvirt_xml
from crazytrain.decode.log_start import decode_log_start
from crazytrain.decode.log_tally import decode_inside_log_templates, decode_log_templates
from crazytrain.decode.log_text import decode_log_text
from crazytrain.decode.long_calls import decode_long_calls
from crazytrain.decode.machine_text import decode_clocksource, decode_interrupts
from crazytrain.decode.memory import decode_faults, decode_memory
from crazytrain.decode.memory_left import decode_memory_left
from crazytrain.decode.memory_tables import decode_memory_tables
from crazytrain.decode.moments import MOMENT_KINDS, decode_moments
from crazytrain.decode.moments_told import decode_moments_told
from crazytrain.decode.networks import decode_networks
from crazytrain.decode.nic_rates_text import decode_nic_rates
from crazytrain.decode.no_accelerator import decode_no_accelerator
from crazytrain.decode.oncpu import decode_oncpu
from crazytrain.decode.perf_counts import decode_perf_counts
from crazytrain.decode.perf_kvm import decode_perf_kvm
from crazytrain.decode.perf_report import decode_perf_report
from crazytrain.decode.perf_trace_calls import decode_perf_trace_calls
from crazytrain.decode.pidstat_servants import decode_pidstat_servants
from crazytrain.decode.pinning_text import decode_pinning
from crazytrain.decode.printed_files import decode_printed_files
from crazytrain.decode.proc_snapshots import decode_proc_snapshots
from crazytrain.decode.proc_status import decode_proc_status
from crazytrain.decode.ps_text import decode_ps
from crazytrain.decode.ps_waits import decode_ps_waits
from crazytrain.decode.pvclock import decode_pvclock
from crazytrain.decode.qemu_log import decode_qemu_log
from crazytrain.decode.qemu_text import decode_qemu_text
from crazytrain.decode.qmp import decode_qmp
from crazytrain.decode.qmp_block import decode_qmp_block
from crazytrain.decode.qmp_devices import decode_qmp_devices
from crazytrain.decode.qmp_events import decode_qmp_events
from crazytrain.decode.qmp_services import decode_qmp_services
from crazytrain.decode.qmp_text import decode_qmp_text
from crazytrain.decode.registers import decode_registers
from crazytrain.decode.repeated_lines import decode_repeated_lines
from crazytrain.decode.restarts_text import decode_restarts_text
from crazytrain.decode.run_delay_text import decode_run_delay
from crazytrain.decode.spent import decode_spent
from crazytrain.decode.stacks import decode_stacks
from crazytrain.decode.storage import decode_storage
from crazytrain.decode.strace import decode_strace
from crazytrain.decode.strace_summary import decode_strace_summary
from crazytrain.decode.stub_threads import decode_stub_threads
from crazytrain.decode.swap_text import decode_swap_text
from crazytrain.decode.sysstat import decode_sysstat
from crazytrain.decode.tasks import decode_tasks
from crazytrain.decode.told import decode_prose, decode_prose_among, decode_told, decode_told_among
from crazytrain.decode.tool_lines import decode_tool_lines
from crazytrain.decode.top import decode_top
from crazytrain.decode.top_cpus import decode_top_cpus
from crazytrain.decode.top_queue import decode_top_queue
from crazytrain.decode.top_tasks import decode_top_tasks
from crazytrain.decode.trace_summary import decode_trace_summary
from crazytrain.decode.versions import decode_versions
from crazytrain.decode.versions_program import decode_program_version
from crazytrain.decode.virtual_host import decode_virtual_host
from crazytrain.decode.waits import decode_waits
from crazytrain.decode.wchan_lines import decode_wchan_lines
from crazytrain.decode.windows_stack import decode_windows_stack
from crazytrain.model.evidence import Evidence, Kind

Decoder = Callable[[Evidence], Iterable[object]]
# Where lines of managers, firmware and boot loaders stand: they are no kind of their own.
TOOL_LINE_KINDS = (
    Kind.TOLD,
    Kind.TEXT,
    Kind.LOG_TEXT,
    Kind.QEMU_TEXT,
    Kind.LIBVIRT_TEXT,
    Kind.LIBVIRT_XML,
    Kind.QMP_TEXT,
    Kind.COMMAND_LINE,
    Kind.PRINTED_FILES,
    Kind.PS,
)

# Where versions stand beside what the kind is for: heads of logs, banners of kernels, machine types, lists of packages.
VERSION_KINDS = (
    Kind.LOG_TEXT,
    Kind.QEMU_TEXT,
    Kind.LIBVIRT_TEXT,
    Kind.LIBVIRT_XML,
    Kind.COMMAND_LINE,
    Kind.QMP_TEXT,
    Kind.PRINTED_FILES,
    Kind.PS,
    Kind.SYSSTAT,
    Kind.QEMU_LOG,
    Kind.CONSOLE,
)

DECODERS: tuple[tuple[Kind, Decoder], ...] = (
    (Kind.IDENTITY, decode_identity),
    (Kind.TASKS, decode_tasks),
    (Kind.DESCRIPTORS, decode_descriptors),
    (Kind.DESCRIPTORS, decode_epoll_sets),
    (Kind.DESCRIPTORS, decode_eventfd_counts),
    (Kind.BPF, decode_bpf),
    (Kind.STRACE, decode_strace),
    (Kind.STRACE_SUMMARY, decode_strace_summary),
    (Kind.FD_LISTING, decode_fd_listing),
    (Kind.TOP_THREADS, decode_top),
    (Kind.TOP_THREADS, decode_top_cpus),
    (Kind.TOP_THREADS, decode_top_tasks),
    (Kind.QEMU_TEXT, decode_qemu_text),
    (Kind.QMP_TEXT, decode_qmp_text),
    (Kind.LIBVIRT_XML, decode_libvirt_xml),
    (Kind.LIBVIRT_TEXT, decode_libvirt_text),
    (Kind.LIBVIRT_TEXT, decode_guest_memory),
    (Kind.QEMU_TEXT, decode_guest_memory),
    (Kind.BACKTRACE, decode_backtrace),
    (Kind.KERNEL_STACK, decode_kernel_stack),
    (Kind.KERNEL_STACK, decode_crash_bt),
    (Kind.KERNEL_STACK, decode_windows_stack),
    (Kind.COMMAND_LINE, decode_command_line),
    (Kind.QMP, decode_qmp),
    (Kind.QMP, decode_qmp_block),
    (Kind.QMP, decode_qmp_services),
    (Kind.QMP_DEVICES, decode_qmp_devices),
    (Kind.QMP_DEVICES, decode_qmp_events),
    (Kind.DOMSTATS, decode_domstats),
    (Kind.NETWORKS, decode_networks),
    (Kind.IDENTITY, decode_clock_identity),
    (Kind.CLOCK_SETUP, decode_clock_setup),
    (Kind.CLOCK_AGENT, decode_clock_agent),
    (Kind.CONSOLE, decode_clock_console),
    (Kind.LIBVIRT_EVENTS, decode_libvirt_events),
    (Kind.KVM_STATS, decode_kvm_stats),
    (Kind.VCPU_SAMPLES, decode_registers),
    (Kind.VCPU_SAMPLES, decode_qmp_events),
    (Kind.CONSOLE, decode_console),
    (Kind.CONSOLE, decode_log_templates),
    (Kind.PVCLOCK, decode_pvclock),
    (Kind.INSIDE, decode_inside),
    (Kind.INSIDE_PROFILE, decode_inside_profile),
    (Kind.INSIDE_LOG, decode_inside_log),
    (Kind.INSIDE_LOG, decode_inside_log_templates),
    (Kind.HOST, decode_host),
    (Kind.WAITS, decode_waits),
    (Kind.STACKS, decode_stacks),
    (Kind.ONCPU, decode_oncpu),
    (Kind.LAB, decode_lab),
    (Kind.QEMU_LOG, decode_qemu_log),
    (Kind.KERNEL_LOG, decode_kernel_log),
    (Kind.STORAGE, decode_storage),
    (Kind.TASKS, decode_faults),
    (Kind.MEMORY, decode_memory),
    (Kind.CGROUP, decode_cgroup),
    (Kind.HOST_PARAMS, decode_host_params),
    (Kind.SPENT, decode_spent),
    (Kind.PRINTED_FILES, decode_printed_files),
    (Kind.PERF_KVM, decode_perf_kvm),
    (Kind.PERF_COUNTS, decode_perf_counts),
    (Kind.PERF_REPORT, decode_perf_report),
    (Kind.TRACE_SUMMARY, decode_trace_summary),
    (Kind.KVM_STAT, decode_kvm_stat),
    (Kind.KVM_TRACE, decode_kvm_trace),
    (Kind.LOG_TEXT, decode_log_text),
    (Kind.LOG_TEXT, decode_log_templates),
    (Kind.LOG_TEXT, decode_blocked_log),
    (Kind.PS, decode_ps),
    (Kind.COMMAND_LINE, decode_ps),
    (Kind.COMMAND_LINE, decode_log_start),
    (Kind.SYSSTAT, decode_sysstat),
    (Kind.INTERRUPTS, decode_interrupts),
    (Kind.INTERRUPTS, decode_interrupt_readings),
    (Kind.PRINTED_FILES, decode_proc_snapshots),
    (Kind.PRINTED_FILES, decode_cpu_stat),
    (Kind.PRINTED_FILES, decode_proc_status),
    *((kind, decode_moments) for kind in MOMENT_KINDS),
    (Kind.CLOCKSOURCE, decode_clocksource),
    (Kind.TOLD, decode_told),
    (Kind.TOLD, decode_prose),
    (Kind.TOLD, decode_versions),
    (Kind.TEXT, decode_versions),
    *((kind, decode_versions) for kind in VERSION_KINDS),
    (Kind.IDENTITY, decode_program_version),
    (Kind.COMMAND_LINE, decode_told_among),  # a sentence may begin with a command
    (Kind.COMMAND_LINE, decode_prose_among),
    (Kind.QEMU_TEXT, decode_told_among),
    (Kind.QEMU_TEXT, decode_prose_among),
    (Kind.STRACE, decode_hung_up),
    (Kind.STRACE, decode_long_calls),
    (Kind.SYSSTAT, decode_swap_text),
    (Kind.SYSSTAT, decode_pidstat_servants),
    (Kind.PS, decode_ps_waits),
    *(
        (kind, decode_run_delay)
        for kind in (Kind.LIBVIRT_TEXT, Kind.TEXT, Kind.TOLD, Kind.KVM_TRACE, Kind.PRINTED_FILES, Kind.SYSSTAT)
    ),
    (Kind.LIBVIRT_TEXT, decode_domblkstat),
    (Kind.LOG_TEXT, decode_blocked_tasks),
    (Kind.LOG_TEXT, decode_early_end),
    (Kind.CONSOLE, decode_early_end),
    (Kind.TOP_THREADS, decode_top_queue),
    *((kind, decode_perf_trace_calls) for kind in (Kind.TEXT, Kind.TOLD, Kind.TRACE_SUMMARY)),
    *((kind, decode_bsd_interrupts) for kind in (Kind.TEXT, Kind.TOLD)),
    (Kind.KERNEL_STACK, decode_blocked_tasks),
    *(
        (kind, decode)
        for kind in (Kind.SYSSTAT, Kind.TEXT, Kind.TOLD)
        for decode in (decode_iostat, decode_memory_tables)
    ),
    *((kind, decode_memory_left) for kind in (Kind.TEXT, Kind.TOLD, Kind.TOP_THREADS)),
    *((kind, decode_iotop) for kind in (Kind.TEXT, Kind.TOLD, Kind.COMMAND_LINE, Kind.PS)),
    *((kind, decode_pinning) for kind in (Kind.LIBVIRT_TEXT, Kind.LIBVIRT_XML, Kind.TEXT, Kind.TOLD, Kind.PS)),
    *((kind, decode_wchan_lines) for kind in (Kind.TEXT, Kind.TOLD, Kind.PRINTED_FILES, Kind.PS)),
    (Kind.BACKTRACE, decode_guest_backtrace),
    *((kind, decode_moments_told) for kind in (Kind.TOLD, Kind.TEXT)),
    (Kind.LOG_TEXT, decode_restarts_text),
    *((kind, decode_guest_tool_lines) for kind in (*TOOL_LINE_KINDS, Kind.PERF_REPORT)),
    *((kind, decode_nic_rates) for kind in (Kind.SYSSTAT, Kind.TEXT, Kind.TOLD)),
    *((kind, decode_clock_watch) for kind in (Kind.LOG_TEXT, Kind.CONSOLE)),
    *((kind, decode_tool_lines) for kind in TOOL_LINE_KINDS),
    *((kind, decode_virtual_host) for kind in TOOL_LINE_KINDS),
    *((kind, decode_repeated_lines) for kind in (*TOOL_LINE_KINDS, Kind.KVM_TRACE)),
    (Kind.COMMAND_LINE, decode_no_accelerator),
    *((kind, decode_bpf_maps) for kind in (Kind.TEXT, Kind.TOLD)),
    *(
        (kind, decode)
        for kind in (Kind.TEXT, Kind.TOLD)
        for decode in (decode_bcc_exits, decode_counted_exits, decode_crash_ps, decode_stub_threads)
    ),
    (Kind.BACKTRACE, decode_stub_threads),
    (Kind.ONCPU, decode_folded_stacks),
    (Kind.ONCPU, decode_folded_sleeps),
)

# Kinds whose decoder also reads how asking ended: a monitor that never answers is a fact of its own.
READ_IN_ANY_CASE = frozenset({Kind.QMP})


def decoders_of(evidence: Evidence) -> tuple[Decoder, ...]:
    """The decoders for an evidence; none where there is nothing to decode."""
    if not evidence.usable and evidence.kind not in READ_IN_ANY_CASE:
        return ()
    return tuple(decode for kind, decode in DECODERS if kind is evidence.kind)
