"""The words of every cause: nothing missing, no placeholders, and each command that they name exists."""

import re
import shlex
from collections.abc import Iterator

import pytest
import typer

from crazytrain.cli import app
from crazytrain.diagnose.cause import Cause
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.defect import Defect
from crazytrain.diagnose.engine import judge, needs
from crazytrain.diagnose.known_defects import DEFECTS
from crazytrain.diagnose.looks import HEALTHY_BESIDE, LOOKS, look_for
from crazytrain.model.facts import Facts
from crazytrain.model.finding import Family, Look, Verdict
from tests.diagnose.test_causes import CASES

NOTHING_TO_MEND = [c.slug for c in CAUSES if c.family is Family.HEALTHY and c.slug != "paused"]
PLACEHOLDER = re.compile(r"TODO|FIXME|TBD|lorem|\bxxx\b|\.\.\.$|example\.(com|org)", re.IGNORECASE)
PROGRAMS = re.compile(
    r"cat|crazytrain|df|dmesg|grep|head|journalctl|ls|lspci|lvs|perf|ps|sleep|ss|strace|systemctl|systemd-detect-virt|tail|top|tr|"
    r"uname|virsh|virt-host-validate|vmstat"
)
DRASTIC = re.compile(r"\breset|is gone|stop and start|loses", re.IGNORECASE)
each_cause = pytest.mark.parametrize("cause", CAUSES, ids=lambda c: c.slug)


def sentences(text: str) -> int:
    return len(re.findall(r"[.!?](?=\s+[A-Z0-9\"'(]|$)", text))


@each_cause
def test_two_sentences_for_an_owner_and_two_for_an_engineer(cause: Cause) -> None:
    for text in (cause.words.plain, cause.words.engineer):
        assert 2 <= sentences(text) <= 4, text
        assert not PLACEHOLDER.search(text)
    assert cause.words.plain != cause.words.engineer
    assert "kvm_" not in cause.words.plain, "no names of functions for the owner of a home lab"


@each_cause
def test_what_would_refute_it(cause: Cause) -> None:
    assert len(cause.words.refute) >= 25
    assert cause.words.refute.endswith(".")
    assert not PLACEHOLDER.search(cause.words.refute)


@each_cause
def test_a_remedy_by_commands_that_begins_with_no_harm(cause: Cause) -> None:
    steps = cause.words.remedy
    if cause.slug in NOTHING_TO_MEND:
        return
    assert steps
    assert any(step.command for step in steps)
    assert all(step.why and not PLACEHOLDER.search(step.why) for step in steps)
    assert not DRASTIC.search(steps[0].harm), "the least drastic first"


@each_cause
def test_references_are_addresses_or_name_a_file(cause: Cause) -> None:
    if cause.slug in NOTHING_TO_MEND:
        return
    assert cause.words.references
    for reference in cause.words.references:
        known = reference.startswith("https://") or re.search(
            r"\w+/[\w./-]+\.[ch]\b|[\w-]+\.[ch]:|Intel SDM|glibc|kvm module parameter|changelog", reference
        )
        assert known, reference
        assert len(set(cause.words.references)) == len(cause.words.references)


def commands(text: str) -> Iterator[list[str]]:
    """The single commands of a line, without comments."""
    lexer = shlex.shlex(
        text.partition("   #")[0].replace("{name}", "web01").replace("{pid}", "4711").replace("{healthy}", "web02"),
        posix=True,
        punctuation_chars=";|&",
    )
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for token in (*lexer, ";"):
        if set(token) <= set(";|&"):
            if words:
                yield words
            words = []
        else:
            words.append(token)


def check_crazytrain(words: list[str]) -> None:
    """The verb is one of ours, and so is each option."""
    command, rest = typer.main.get_command(app), words[1:]
    while verbs := getattr(command, "commands", {}):
        assert rest, words
        assert rest[0] in verbs, words
        command = verbs[rest.pop(0)]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest[: rest.index("--") if "--" in rest else None]:
        assert not word.startswith("-") or word.partition("=")[0] in options, f"{word} of {words}"


def check(text: str) -> None:
    for words in commands(text):
        if words[0] == "timeout":
            words = words[2:]  # noqa: PLW2901
        assert PROGRAMS.fullmatch(words[0]), f"{words[0]} of {text}"
        if words[0] == "crazytrain":
            check_crazytrain(words)


@each_cause
def test_the_looks_and_steps_name_commands_that_exist(cause: Cause) -> None:
    assert 1 <= len(cause.words.looks) <= 3
    for look in cause.words.looks:
        assert look.what
        assert look.command
        check(look.command)
    for step in cause.words.remedy:
        if step.command.startswith("crazytrain"):
            check(step.command)


@pytest.mark.parametrize("look", [*LOOKS.values(), HEALTHY_BESIDE], ids=lambda look: look.what[:40])
def test_the_looks_that_give_a_fact_name_commands_that_exist(look: Look) -> None:
    check(look.command)


def test_a_command_that_does_not_exist_is_noticed() -> None:
    for wrong in ("crazytrain wyh web01", "crazytrain why web01 --against-all", "frobnicate 1"):
        with pytest.raises(AssertionError):
            check(wrong)
    check("crazytrain guard -- virsh reset web01")


@each_cause
def test_every_fact_that_it_asks_for_has_a_look(cause: Cause) -> None:
    for wanted, _ in needs(cause).values():
        assert look_for(wanted).command, wanted.__name__


@each_cause
def test_unknown_names_the_looks_that_would_decide(cause: Cause) -> None:
    for facts in ((), *CASES[cause.slug]):
        finding = judge(cause, Facts(facts))
        if finding.verdict is Verdict.UNKNOWN:
            assert 1 <= len(finding.missing) <= 4
            assert all(look.what and look.command for look in finding.missing), finding.missing
            for look in finding.missing:
                for words in commands(look.command) if "crazytrain" in look.command else ():
                    if words[0] == "crazytrain":
                        check_crazytrain(words)


@each_cause
def test_each_finding_says_which_evidence_it_had_not(cause: Cause) -> None:
    for facts in ((), *CASES[cause.slug]):
        finding = judge(cause, Facts(facts))
        wanted = (kind for kind, optional in needs(cause).values() if optional)
        absent = {look_for(kind).what for kind in wanted if not any(isinstance(fact, kind) for fact in facts)}
        assert absent <= {*finding.unseen, *(look.what for look in finding.missing)}
        assert set(finding.unseen) <= absent


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.says[:40])
def test_known_defects_have_a_range_and_an_address(defect: Defect) -> None:
    assert defect.since or defect.before, "a defect of every version is none"
    assert not (defect.since and defect.before) or defect.since < defect.before
    assert defect.reference.startswith("https://")
    assert set(defect.causes) <= {c.slug for c in CAUSES}
    assert defect.ratio <= 1.6
