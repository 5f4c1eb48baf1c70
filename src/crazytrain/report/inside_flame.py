"""Flame graphs of a guest's own functions: collapsed stacks, speedscope, and one page that needs nothing but a browser."""

import html
import string

import msgspec

from crazytrain.model.facts.inside import Mode
from crazytrain.model.facts.inside_view import InsideView, StackShare
from crazytrain.report.escape import plain
from crazytrain.report.flame import flame_word, speedscope_file
from crazytrain.report.flame_page import PAGE

_DEEPEST = 200
_MOST_BOXES = 20_000
_LEAST_SHARE = 0.0005  # of the page's width: less is no pixel


class Node(msgspec.Struct):
    """A box of the graph: a name, how many looks were in it, and what it called."""

    name: str
    count: int = 0
    calls: dict[str, "Node"] = msgspec.field(default_factory=dict)


def collapsed_inside(view: InsideView) -> str:
    """Lines of ``CPU n;mode;task;function;...;function count``, the outermost function first, as flamegraph.pl reads them."""
    rows = sorted((_words(stack), stack.count) for stack in view.stacks)
    return "".join(f"{';'.join(words)} {count}\n" for words, count in rows)


def _words(stack: StackShare) -> tuple[str, ...]:
    """What a stack is shown as: one that was not read to its end begins with a mark of that."""
    names = tuple(flame_word(frame) for frame in stack.frames[:_DEEPEST])
    if stack.mode is Mode.HALTED:
        return (f"CPU {stack.cpu}", "halted", *names)
    task = flame_word(stack.comm) if stack.comm else "unknown task"
    cut = () if stack.whole or stack.mode is Mode.USER else ("(callers not known)",)
    return (
        f"CPU {stack.cpu}",
        stack.mode.value,
        f"{task} {stack.pid}" if stack.pid is not None else task,
        *cut,
        *names,
    )


def speedscope_inside(view: InsideView, name: str, tool: str) -> str:
    """JSON for speedscope.app: one profile a CPU of the guest; a weight is the number of looks."""
    cpus = sorted({stack.cpu for stack in view.stacks})
    each = {
        f"CPU {cpu}": [(_words(stack)[1:], float(stack.count)) for stack in view.stacks if stack.cpu == cpu]
        for cpu in cpus
    }
    return speedscope_file(each, "none", plain(name), tool)


def page(view: InsideView, name: str, about: str) -> str:
    """One HTML page with the graph in it. It loads nothing; what the guest wrote is escaped twice, for people and for HTML."""
    root = _tree(view)
    boxes: list[str] = []
    depth = _boxes(root, boxes)
    return string.Template(PAGE).substitute(
        title=html.escape(plain(name)),
        about=html.escape(plain(about, 1000)),
        count=str(root.count),
        height=str((depth + 1) * 18),
        boxes="\n".join(boxes) if root.count else "<p>Nobody looked at the vCPUs' registers.</p>",
    )


def _tree(view: InsideView) -> Node:
    root = Node("all")
    for stack in view.stacks:
        node = root
        node.count += stack.count
        for word in _words(stack):
            node = node.calls.setdefault(word, Node(word))
            node.count += stack.count
    return root


def _boxes(root: Node, boxes: list[str]) -> int:
    """Write a box for every node that is wide enough to be seen; how deep they go. No recursion: the guest decides the depth."""
    waiting: list[tuple[Node, float, int]] = [(root, 0.0, 0)]
    deepest = 0
    while waiting and len(boxes) < _MOST_BOXES and root.count:
        node, left, depth = waiting.pop()
        deepest = max(deepest, depth)
        width = node.count / root.count
        boxes.append(_box(node, left, width, (depth, root.count)))
        for call in sorted(node.calls.values(), key=lambda one: one.name):
            if call.count / root.count >= _LEAST_SHARE:
                waiting.append((call, left, depth + 1))
            left += call.count / root.count
    return deepest


def _box(node: Node, left: float, width: float, where: tuple[int, int]) -> str:
    depth, total = where
    name = html.escape(node.name, quote=True)
    told = f"{name}: {node.count} of {total} looks, {width * 100:.1f} %"
    place = f'data-l="{left:.6f}" data-w="{width:.6f}" data-d="{depth}"'
    style = f"left:{left * 100:.4f}%;width:{width * 100:.4f}%;top:{depth * 18}px;background:{_colour(node.name)}"
    return f'<div class="f" {place} style="{style}" title="{told}">{name}</div>'


def _colour(name: str) -> str:
    """A warm colour, the same for a name everywhere."""
    number = sum(ord(letter) * place for place, letter in enumerate(name, 1))
    return f"hsl({8 + number % 47},{70 + number % 23}%,{62 + number % 15}%)"
