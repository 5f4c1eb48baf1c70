"""The JSON schema of changes of a clock, made from the struct itself."""

import msgspec

from crazytrain.model.clock_change import ClockChange


def clock_change_schema() -> bytes:
    """The schema as indented JSON; ``docs/clock-change.schema.json`` holds it, and a test keeps the two the same."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crazytrain clock change",
        "description": "What `crazytrain clock GUEST --set ... --json` and `--undo --json` print; schema_version 1.",
        **msgspec.json.schema(ClockChange),
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
