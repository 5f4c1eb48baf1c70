"""What was said of reports that nobody had seen while the ratios were chosen: each kept as it came out the first time.

``bench/data/first-sight.json`` has a row for each: what was said (family, confidence), whether the cause was right, whether words alone
said it, whether its truth is settled at all, and whether somebody really had written it. Those whose truth is not settled count ``UNSETTLED``
times: of public reports about every fifth never is, and fewer of these are. Reports that were made up say in the field's terms what is so,
and are easier: where there are enough that somebody wrote, these alone decide.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.corpus import Answer
from bench.fitting import log_loss
from crazytrain.diagnose.named import OF_WORDS
from crazytrain.diagnose.told_signs import AS_TOLD, LINES_AT_MOST, PASTED_AT_MOST, TOLD_AT_MOST
from crazytrain.diagnose.weigh import FOUND_FROM, Map

KEPT = Path(__file__).resolve().parent / "data" / "first-sight.json"
UNSETTLED = 2.5
_ENOUGH = 50
_LIMITS = {0.75: TOLD_AT_MOST, 0.78: LINES_AT_MOST, 0.79: PASTED_AT_MOST}  # those of then, and those of now
_SLOPES = tuple(step / 20 for step in range(21))


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict at first sight; ``confidence`` is what the ratios gave."""

    of: str
    family: str
    confidence: float
    right: bool
    words: bool
    settled: bool = True
    real: bool = False

    @property
    def guessed(self) -> bool:
        """Whether words alone name it, below one half."""
        return self.words and 0 < self.confidence < FOUND_FROM

    @property
    def now(self) -> float:
        """What would be said today: guesses from words by their map, and what ended at a limit at the limit of today."""
        return OF_WORDS(self.confidence) if self.guessed else _LIMITS.get(self.confidence, self.confidence)

    @property
    def weight(self) -> float:
        """For how many it stands."""
        return 1.0 if self.settled else UNSETTLED


def kept(path: Path = KEPT) -> list[Seen]:
    """All that were kept."""
    return msgspec.json.decode(path.read_bytes(), type=list[Seen])


def of_answer(answer: Answer) -> Seen:
    """An answer of ``bench.corpus --json``, with its points, as a row to keep."""
    ratios = (point.partition(": ") for point in answer.points)
    speaks = [fact for ratio, _, fact in ratios if float(ratio) > 1]
    return Seen(
        of=answer.id,
        family=answer.family if answer.confidence else "",
        confidence=answer.confidence,
        right=answer.cause_right,
        words=bool(speaks) and all(fact.startswith(AS_TOLD) for fact in speaks),
        settled=answer.truth.family != "unknown",
    )


def deciding(seen: Sequence[Seen]) -> list[Seen]:
    """Those that words alone named below one half: of reports that somebody wrote, where there are enough, else of all."""
    guessed = [one for one in seen if one.guessed]
    written = [one for one in guessed if one.real]
    return written if len(written) >= _ENOUGH else guessed


def slope_of(seen: Sequence[Seen]) -> float | None:
    """The slope (without a shift, so that each stays on its side of one half) that fits what words alone named; ``None`` without any."""
    guessed = deciding(seen)
    if not guessed:
        return None
    return min(_SLOPES, key=lambda slope: _loss(guessed, Map(slope)))


def _loss(seen: Sequence[Seen], told: Map) -> float:
    return sum(one.weight * log_loss(told(one.confidence), right=one.right) for one in seen)


def off(seen: Sequence[Seen], *, now: bool) -> float:
    """The Brier score of these verdicts, as the ratios gave them or as they would be said today."""
    far = (one.weight * ((one.now if now else one.confidence) - one.right) ** 2 for one in seen)
    return sum(far) / sum(one.weight for one in seen)
