"""Finds out what was pasted: text is split into regions of one kind, line by line, by its content alone.

How lines of a kind look stands in `shapes`; text that is too large for this is read by `stream`. Memory: the text once more,
cleaned, beside the text itself; nothing else grows with it. A line of more than a MiB is refused.
"""

from collections.abc import Iterable, Iterator

from crazytrain.decode.command_words import is_argv
from crazytrain.decode.frames import unframed
from crazytrain.decode.json_lines import unwrapped
from crazytrain.decode.paste import NEXT_STEP, cleaned, decoded
from crazytrain.decode.region import Region
from crazytrain.decode.shapes import TEXT
from crazytrain.decode.splitter import Splitter
from crazytrain.decode.strace_line import CLOSED_LINE, NEXT_LINE_NOT_CLOSED
from crazytrain.decode.told import as_told
from crazytrain.decode.unwrap import MOST_BYTES, rejoined
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind

_BLOCK_BYTES = 1 << 20
_LONGEST_LINE = 1 << 20


def split(name: str, data: bytes) -> tuple[Evidence, ...]:
    """Recognise what was pasted or saved, by content: one evidence for each region of lines of one kind.

    Several kinds may stand in one file. Lines that nothing recognised are kept as ``Kind.TEXT``. The first region that
    was recognised is named ``name``, others ``name#2`` and so on, the unrecognised text last. Line numbers of refs are
    the file's own: lines that were broken are put together in the first one's place and leave empty lines behind.

    Raises:
        BadInput: empty, binary, or a line of more than a MiB; names the file and, where it can, the line.
    """
    data = decoded(name, data)
    if is_argv(data):
        return (Evidence(id=name, kind=Kind.COMMAND_LINE, source=name, data=data),)
    splitter = Splitter()
    for block in _blocks(name, data):
        text = unwrapped(cleaned(block))
        _take_block(splitter, b"\n".join(rejoined(unframed(text.split(b"\n")))) if len(data) <= MOST_BYTES else text)
    splitter.end()
    return named(name, splitter.regions)


def named(name: str, found: Iterable[Region]) -> tuple[Evidence, ...]:
    """Regions as evidence, in order of the file; those that were recognised get the first names.

    Raises:
        BadInput: there is none.
    """
    regions = [region for region in found if not region.blank]
    if not regions:
        raise BadInput(f"{name} is empty", NEXT_STEP)
    regions.sort(key=lambda region: region.shape is TEXT)
    parts = [as_told(region.evidence(name_of(name, number), name)) for number, region in enumerate(regions, start=1)]
    return tuple(sorted(parts, key=lambda evidence: evidence.first_line))


def name_of(name: str, number: int) -> str:
    """The id of a file's region."""
    return name if number == 1 else f"{name}#{number}"


def _blocks(name: str, data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        end = data.rfind(b"\n", position, position + _BLOCK_BYTES) + 1
        if not end:
            end = data.find(b"\n", position, position + _LONGEST_LINE + 1) + 1 or len(data)
        if end - position > max(_BLOCK_BYTES, _LONGEST_LINE):
            line = data.count(b"\n", 0, position) + 1
            raise BadInput(f"{name}, line {line}: longer than a MiB", "Give the text as it was printed, line by line.")
        yield data[position:end]
        position = end


def _take_block(splitter: Splitter, block: bytes) -> None:
    position = 0
    while position < len(block):
        end = _end_of_trace(block, position) if splitter.in_trace else position
        if end > position:
            splitter.take_bulk(block[position:end])
        else:
            end = block.find(b"\n", position) + 1 or len(block) + 1
            splitter.take(block[position : end - 1])
        position = end


def _end_of_trace(block: bytes, position: int) -> int:
    """Where the lines of strace end that are whole beyond doubt; ``position`` itself where the first one is not."""
    if not CLOSED_LINE.match(block, position):
        return position
    found = NEXT_LINE_NOT_CLOSED.search(block, position)
    return found.end() if found else len(block)
