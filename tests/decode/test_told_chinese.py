"""Observations in Chinese and Japanese prose."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.decode.registry import decoders_of
from crazytrain.decode.told_chinese import in_field_words
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.told import Stance, Told, Topic


def _told(text: str) -> set[tuple[Topic, Stance]]:
    parts = split("post", text.encode())
    facts = (fact for part in parts for decode in decoders_of(part) for fact in decode(part))
    return {(fact.topic, fact.stance) for fact in facts if isinstance(fact, Told)}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("昨晚虚拟机死机, 重启以后 vnc 画面没有反应.", Topic.GUEST_HUNG),
        ("夜中にゲストが固まり, qemu プロセスを kill するしかない.", Topic.GUEST_HUNG),
        ("宿主机上 qemu 进程 CPU 占用率 800%, vcpu 线程全部如此.", Topic.CPU_FULL),
    ],
)
def test_an_observation_is_read(text: str, topic: Topic) -> None:
    assert (topic, Stance.SEEN) in _told(text)


def test_what_is_not_there_is_not_seen() -> None:
    assert (Topic.GUEST_HUNG, Stance.SEEN) not in _told("升级 qemu 之后 vm 不再卡死, 运行正常.")


def test_lines_keep_their_numbers_and_other_text_is_as_it_is() -> None:
    assert in_field_words("rip 0x10\n磁盘 sda error\n\nend") == "rip 0x10\ndisk sda error\n\nend"


def test_a_log_with_a_word_of_chinese_stays_a_log() -> None:
    text = "[  812.401022] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [测试:411]\n"
    assert [part.kind for part in split("log", text.encode())] == [Kind.LOG_TEXT]


def test_what_is_no_longer_seen_in_english_is_not_seen_either() -> None:
    assert (Topic.GUEST_HUNG, Stance.SEEN) not in _told("Since the new release of qemu the guest no longer hangs.")
