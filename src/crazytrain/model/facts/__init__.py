"""Facts: typed values decoded from evidence and, over a window, derived from it. One file per subject."""

from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

from crazytrain.model.facts.clock import GuestClock, PvclockPage, PvclockReading
from crazytrain.model.facts.console import ConsoleLine, ConsoleLog, LineMeaning
from crazytrain.model.facts.descriptors import Descriptor, DescriptorTable
from crazytrain.model.facts.host import HostFacts
from crazytrain.model.facts.kvm import (
    ExitCount,
    ExitPlace,
    ExitTime,
    FaultUse,
    HaltUse,
    HypercallUse,
    IrqLineUse,
    KvmCounter,
    KvmExits,
    KvmStat,
    KvmStatReading,
    KvmStats,
    MmioUse,
    MsrUse,
    PortUse,
    PvclockUpdate,
    VcpuWindow,
    VectorUse,
)
from crazytrain.model.facts.loop import (
    EmptyRead,
    EpollSet,
    EpollWatch,
    EventfdCount,
    EventfdCounts,
    Eventfds,
    EventfdUse,
    LoopActivity,
    LoopReading,
    LoopReadings,
    Loops,
    ReadyCount,
    ReadyUse,
)
from crazytrain.model.facts.process import ProcessFacts
from crazytrain.model.facts.qemu import (
    MONITOR_BUSY,
    OWN_TURN,
    InterruptRates,
    IrqCount,
    IrqRate,
    IrqReading,
    QemuConfig,
    QemuEra,
    QemuState,
)
from crazytrain.model.facts.syscalls import (
    CallUse,
    Coverage,
    Drained,
    ErrorCount,
    HandlerQuery,
    LoopWait,
    SignalDelivery,
    SignalRead,
    SyscallUse,
    TimeoutBucket,
    TimerArm,
    TraceStory,
    Transfer,
    WaitUse,
)
from crazytrain.model.facts.threads import ProcessUse, TaskReading, TaskTable, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.facts.vcpu import (
    ArmActivity,
    ArmSample,
    ArmSamples,
    ArmView,
    CpuMode,
    VcpuActivity,
    VcpuSample,
    VcpuSamples,
    VcpuView,
)

T = TypeVar("T")

__all__ = [
    "MONITOR_BUSY",
    "OWN_TURN",
    "ArmActivity",
    "ArmSample",
    "ArmSamples",
    "ArmView",
    "CallUse",
    "ConsoleLine",
    "ConsoleLog",
    "Coverage",
    "CpuMode",
    "Descriptor",
    "DescriptorTable",
    "Drained",
    "EmptyRead",
    "EpollSet",
    "EpollWatch",
    "ErrorCount",
    "EventfdCount",
    "EventfdCounts",
    "EventfdUse",
    "Eventfds",
    "ExitCount",
    "ExitPlace",
    "ExitTime",
    "Facts",
    "FaultUse",
    "GuestClock",
    "HaltUse",
    "HandlerQuery",
    "HostFacts",
    "HypercallUse",
    "InterruptRates",
    "IrqCount",
    "IrqLineUse",
    "IrqRate",
    "IrqReading",
    "KvmCounter",
    "KvmExits",
    "KvmStat",
    "KvmStatReading",
    "KvmStats",
    "LineMeaning",
    "LoopActivity",
    "LoopReading",
    "LoopReadings",
    "LoopWait",
    "Loops",
    "MmioUse",
    "MsrUse",
    "PortUse",
    "ProcessFacts",
    "ProcessUse",
    "PvclockPage",
    "PvclockReading",
    "PvclockUpdate",
    "QemuConfig",
    "QemuEra",
    "QemuState",
    "ReadyCount",
    "ReadyUse",
    "SignalDelivery",
    "SignalRead",
    "SyscallUse",
    "TaskReading",
    "TaskTable",
    "ThreadActivity",
    "ThreadRole",
    "ThreadUse",
    "TimeoutBucket",
    "TimerArm",
    "TraceStory",
    "Transfer",
    "VcpuActivity",
    "VcpuSample",
    "VcpuSamples",
    "VcpuView",
    "VcpuWindow",
    "VectorUse",
    "WaitUse",
]


class Facts:
    """Facts by type. Decoding may give several of one type (one an instant); deriving leaves at most one."""

    def __init__(self, values: Iterable[object] = ()) -> None:
        self._values = tuple(values)
        self._found: dict[type, tuple[object, ...]] = {}  # every cause asks for the same few types

    def __iter__(self) -> Iterator[object]:
        return iter(self._values)

    def get(self, wanted: type[T]) -> T | None:
        """The last fact of this type, or ``None``."""
        found = self.all(wanted)
        return found[-1] if found else None

    def all(self, wanted: type[T]) -> tuple[T, ...]:
        """Every fact of this type, in order."""
        if wanted not in self._found:
            self._found[wanted] = tuple(v for v in self._values if isinstance(v, wanted))
        return cast("tuple[T, ...]", self._found[wanted])

    def plus(self, *more: object) -> "Facts":
        """These facts and more."""
        return Facts((*self._values, *more))
