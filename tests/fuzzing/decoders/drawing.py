"""What is put into inputs: words that a target's modules look for, and texts that fit their patterns."""

import random
from collections.abc import Callable

from tests.fuzzing.decoders.targets import Target
from tests.fuzzing.decoders.words import decoders_modules, patterns, sample, words

Draw = Callable[[random.Random], bytes]


def drawer(target: Target) -> Draw:
    """What a target's modules look for: texts that fit their patterns, and their words."""
    modules = decoders_modules(target.modules)
    known, fitting = words(modules) or (b"",), patterns(modules)

    def draw(rolls: random.Random) -> bytes:
        return sample(rolls.choice(fitting), rolls) if fitting and rolls.random() < 0.7 else rolls.choice(known)

    return draw
