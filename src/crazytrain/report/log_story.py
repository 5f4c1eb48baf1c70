"""What floods the logs of a look, in sentences that name the commands against it."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.log_floods import LogFlood, LogFloods
from crazytrain.model.figures import count, share
from crazytrain.model.report import StoryLine
from crazytrain.report.logs_text import flood_words
from crazytrain.report.sentence import line


def log_story(facts: Facts) -> Iterator[StoryLine]:
    """One sentence for each log that is flooded."""
    floods = facts.get(LogFloods)
    for one in floods.floods if floods else ():
        yield line(_says(one), one.refs)


def _says(one: LogFlood) -> str:
    name = one.refs[0].evidence if one.refs else "SOURCE"
    evidence = name if one.pasted else f"CASE:{name}"
    of_all = f"{count(one.flood.lines, 'line')}, {share(one.flood.share)} of the {one.lines:,} that were read"
    return f"the log is flooded by {flood_words(one.flood)} ({of_all}); `crazytrain logs {evidence}` shows what else it says"
