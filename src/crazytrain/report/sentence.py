"""One sentence of the story with its evidence, harmless to show."""

from crazytrain.model.evidence import Ref
from crazytrain.model.report import StoryLine
from crazytrain.report.escape import plain


def line(says: str, refs: tuple[Ref, ...] = ()) -> StoryLine:
    """One sentence, harmless to show."""
    return StoryLine(says=plain(says, 1200), evidence=tuple(plain(str(r)) for r in refs))
