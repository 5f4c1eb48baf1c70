"""In a long text, and in one about something else, words of the field stand by chance: they count for less there."""

from crazytrain.decode.told import decode_prose, decode_told
from crazytrain.derive.telling import derive_telling
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import Facts
from crazytrain.model.facts.told import Telling

SAYS = (
    "The clock of the guest jumps years ahead after a live migration. ",
    "After the migration it hangs and a CPU is at 100 %. ",
)
IDLE_WORDS = "A new option for the layout of pages was added to the printer's driver. "


def telling(text: str) -> Telling:
    evidence = Evidence(id="mail", kind=Kind.TOLD, source="mail", data=text.encode())
    found = derive_telling(Facts([*decode_told(evidence), *decode_prose(evidence)]))
    assert found is not None
    return found


def confidence(text: str) -> float:
    findings = diagnose(Facts([telling(text)]), CAUSES)
    return max(finding.confidence for finding in findings if finding.cause == "kvmclock-jump")


def test_the_same_words_in_a_long_text_say_little() -> None:
    short = "".join(SAYS)
    long = SAYS[0] + IDLE_WORDS * 500 + SAYS[1]
    assert confidence(short) > 0.5
    assert confidence(long) < 0.15
    assert confidence(SAYS[0] + IDLE_WORDS * 60 + SAYS[1]) == confidence(short), "people may tell a long story"


def test_a_text_that_speaks_of_no_guest() -> None:
    about = telling(SAYS[0] + IDLE_WORDS * 60)
    other = telling(SAYS[0].replace("of the guest ", "") + IDLE_WORDS * 60)
    assert (about.of_guests, other.of_guests) == (True, False)
    apart = [text.replace("guest", "church") for text in SAYS]
    assert confidence("".join(apart)) > 0.15, "few words need not name what they are about"
    assert confidence(apart[0] + IDLE_WORDS * 60 + apart[1]) < 0.15


def test_a_file_of_the_kernel_is_no_prose() -> None:
    line = b"flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat xsave avx constant arch perfmon\n"
    evidence = Evidence(id="cpuinfo", kind=Kind.TOLD, source="cpuinfo", data=line)
    assert not list(decode_told(evidence))
