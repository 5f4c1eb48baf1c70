"""Data of an evidence as bytes of a file and back: as it is, or compressed where it is long."""

import hashlib
import io

import msgspec
import zstandard

from crazytrain.model.evidence import Evidence
from crazytrain.store.journal import Kept
from crazytrain.store.limits import COMPRESS_ABOVE_BYTES, WINDOW_BYTES
from crazytrain.store.names import evidence_file

_COMPRESSED = ".zst"


def to_store(evidence: Evidence, taken: set[str]) -> tuple[Kept, bytes]:
    """The journal's line for an evidence, and the bytes of its file. ``taken`` are file names in use.

    The new one is added.
    """
    bare = msgspec.structs.replace(evidence, data=b"")
    if not evidence.data:
        return Kept(evidence=bare), b""
    name, data = evidence_file(evidence.id, evidence.kind, taken), evidence.data
    if len(data) > COMPRESS_ABOVE_BYTES:
        name, data = name + _COMPRESSED, zstandard.ZstdCompressor(level=3).compress(data)
    return Kept(evidence=bare, file=name, bytes=len(evidence.data), sha256=hashlib.sha256(data).hexdigest()), data


def restored(kept: Kept, stored: bytes) -> bytes:
    """The data that a file holds; ``ValueError`` says what does not fit.

    Takes no more memory than the journal promises.
    """
    if hashlib.sha256(stored).hexdigest() != kept.sha256:
        raise ValueError("does not fit its checksum")
    data = unzstd(stored, kept.bytes) if kept.file.endswith(_COMPRESSED) else stored
    if len(data) != kept.bytes:
        raise ValueError(f"holds {len(data)} bytes, the journal says {kept.bytes}")
    return data


def unzstd(packed: bytes, limit_bytes: int) -> bytes:
    """Decompress up to ``limit_bytes``; ``ValueError`` where it is damaged or longer.

    A frame that is cut off gives what it holds.
    """
    reader = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES).stream_reader(
        io.BytesIO(packed), read_across_frames=True
    )
    chunks: list[bytes] = []
    left = limit_bytes + 1
    try:
        while left > 0 and (chunk := reader.read(min(left, 1 << 20))):
            chunks.append(chunk)
            left -= len(chunk)
    except zstandard.ZstdError as error:
        raise ValueError(f"is no sound zstd data ({error})") from error
    if left <= 0:
        raise ValueError(f"unpacks to more than {limit_bytes} bytes")
    return b"".join(chunks)
