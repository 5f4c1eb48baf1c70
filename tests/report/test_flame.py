"""Flame graphs: what other tools read, whatever a thread or a function is called."""

import json

from crazytrain.derive.profile import derive_profile
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts, ThreadRole, ThreadUse
from crazytrain.model.facts.stacks import CpuProfile, CpuSamples, RunningStack
from crazytrain.model.facts.threads import ThreadActivity
from crazytrain.report.flame import collapsed, speedscope
from crazytrain.report.profile_story import profile_story, where_it_parts


def running(tid: int, comm: str, count: int, *frames: str) -> RunningStack:
    return RunningStack(tid=tid, comm=comm, frames=frames, count=count, ref=Ref("oncpu", count))


SAMPLES = CpuSamples(
    mono_ns=0,
    hz=50,
    length_ns=10**9,
    samples=100,
    refs=(Ref("oncpu"),),
    stacks=(
        running(11, "CPU 0/KVM", 60, "clone3", "kvm_cpu_exec", "ioctl", "vcpu_load [k]"),
        running(11, "CPU 0/KVM", 20, "clone3", "kvm_cpu_exec", "address_space_rw"),
        running(11, "CPU 0/KVM", 4, "clone3", "kvm_cpu_exec"),
        running(10, "q; evil\x1b[2J\nx", 16, "_start", "main;loop"),
    ),
)
THREADS = ThreadActivity(
    window_ns=10**9,
    samples=2,
    refs=(),
    threads=(
        ThreadUse(tid=10, comm="q", role=ThreadRole.MAIN_LOOP),
        ThreadUse(tid=11, comm="CPU 0/KVM", role=ThreadRole.VCPU, vcpu=0),
    ),
)


def profile() -> CpuProfile:
    found = derive_profile(Facts([SAMPLES, THREADS]))
    assert found is not None
    return found


def test_collapsed_lines_by_role_and_thread() -> None:
    assert collapsed(profile()).splitlines() == [
        "vCPU;vCPU 0 11;clone3;kvm_cpu_exec 4",
        "vCPU;vCPU 0 11;clone3;kvm_cpu_exec;address_space_rw 20",
        "vCPU;vCPU 0 11;clone3;kvm_cpu_exec;ioctl;vcpu_load [k] 60",
        "main loop;main loop 10;_start;main:loop 16",
    ]


def test_a_hostile_name_stays_one_name() -> None:
    found = derive_profile(Facts([SAMPLES]))
    assert found is not None
    lines = collapsed(found).splitlines()
    assert len(lines) == 4
    assert lines[-1] == "other;q: evil\\x1b[2J\\x0ax 10;_start;main:loop 16"


def test_speedscope_has_what_its_schema_asks_for() -> None:
    """https://www.speedscope.app/file-format-schema.json: of sampled profiles all of these fields are required."""
    file = json.loads(speedscope(profile(), "web01", "crazytrain 1"))
    assert file["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert set(file) == {"$schema", "shared", "profiles", "name", "exporter", "activeProfileIndex"}
    frames = file["shared"]["frames"]
    assert [set(frame) for frame in frames] == [{"name"}] * len(frames)
    assert len({frame["name"] for frame in frames}) == len(frames)
    vcpu, main = file["profiles"]
    for one in (vcpu, main):
        assert set(one) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}
        assert (one["type"], one["unit"], one["startValue"]) == ("sampled", "milliseconds", 0.0)
        assert len(one["samples"]) == len(one["weights"])
        assert one["endValue"] == sum(one["weights"])
        assert all(0 <= number < len(frames) for sample in one["samples"] for number in sample)
    assert vcpu["endValue"] == 84 * 20.0
    assert [frames[n]["name"] for n in vcpu["samples"][0]] == ["clone3", "kvm_cpu_exec", "ioctl", "vcpu_load [k]"]


def test_shares_by_function() -> None:
    vcpu = profile().threads[0]
    shares = {f.name: (round(f.inclusive, 3), round(f.own, 3)) for f in vcpu.functions}
    assert shares["kvm_cpu_exec"] == (1.0, round(4 / 84, 3))
    assert shares["vcpu_load [k]"] == (round(60 / 84, 3), round(60 / 84, 3))
    assert round(vcpu.kernel_ratio, 3) == round(60 / 84, 3)


def test_the_story_tells_where_the_time_parts() -> None:
    path, parts = where_it_parts(profile().threads[0])
    assert path == ("clone3", "kvm_cpu_exec")
    assert [(name, round(part, 2)) for name, part in parts] == [("ioctl", 0.71), ("address_space_rw", 0.24)]
    (vcpu, main) = profile_story(Facts([profile()]))
    assert vcpu.says == (
        "vCPU 0 (thread 11) was seen 84 times while it ran, 71 % of them in the kernel: "
        "71 % in ioctl, 24 % in address_space_rw under clone3 > kvm_cpu_exec"
    )
    assert vcpu.evidence == ("oncpu:60",)
    assert "always under _start > main;loop" in main.says


def test_without_samples_there_is_no_profile() -> None:
    assert derive_profile(Facts([THREADS])) is None
    assert profile_story(Facts([THREADS])) == ()
