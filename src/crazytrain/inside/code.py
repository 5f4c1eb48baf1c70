"""The guest kernel's code: what an address belongs to, its name, and how to get from it to its caller."""

import weakref
from typing import NamedTuple

from crazytrain.inside.calls import Calls
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.modules import Module, modules_of
from crazytrain.inside.orc import Base, Kind, OrcTable, Pages, Rule, Rules, dialect_of, kernel_table
from crazytrain.model.facts.inside import GuestFrame
from crazytrain.model.guest_memory import Unreadable

# Code without a table: as a function that keeps a frame pointer has it. The kernel's own unwinder guesses the same.
BY_FRAME_POINTER = Rule(Kind.CALL, Base.BP, 16, Base.PREV_SP, -16)
_BY_NULL = Rule(Kind.CALL, Base.SP, 8, Base.UNDEFINED, 0)  # somebody called a null pointer
_MOST_NAMES = 1 << 16


class Step(NamedTuple):
    """A rule, and whether it was a guess."""

    rule: Rule
    guessed: bool


def code_of(kernel: Kernel) -> "Code":
    """Give what is known of a kernel's code; it is gathered once, bit by bit, as it is asked for."""
    return kernel.learnt(Code, Code)


class Code:
    """Names and rules by address. ``kernel`` is held weakly by who remembers this."""

    def __init__(self, kernel: Kernel) -> None:
        self._symbols = kernel.symbols
        self._space = kernel.space
        self._kernel = weakref.ref(kernel)
        self._pages = Pages(kernel.space)
        self._text = _range(kernel, "_stext", "_etext")
        self._init_text = _range(kernel, "_sinittext", "_einittext")
        self._rules: Rules | None = None
        self._no_rules = ""
        self._modules: tuple[Module, ...] | None = None
        self._module_rules: dict[int, Rules] = {}
        self._names: dict[tuple[int, bool], GuestFrame] = {}
        self.calls = Calls(self._pages, kernel.symbols)

    def holds(self, address: int) -> bool:
        """Whether an address is code: the kernel's (its beginning, too, whose memory is free by now), or a module's."""
        return self.is_kernel(address) or self._module(address) is not None

    def is_kernel(self, address: int) -> bool:
        """Whether an address is in the kernel's own code."""
        text, first = self._text, self._init_text
        return text[0] <= address < text[1] or first[0] <= address < first[1]

    def frame(self, address: int, returns: bool) -> GuestFrame:
        """Name an address; one to which a function ``returns`` belongs to the call before it."""
        key = address, returns
        frame = self._names.get(key)
        if frame is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            frame = self._names[key] = self._name(address, address - returns)
        return frame

    def _name(self, address: int, inside: int) -> GuestFrame:
        if not self.is_kernel(inside):
            module = self._module(inside)
            return (
                GuestFrame(f"[{module.name}]", address - module.start, address)
                if module
                else GuestFrame("", 0, address)
            )
        found = self._symbols.at(inside)
        return (
            GuestFrame(_sayable(found[0]), found[1] + address - inside, address)
            if found
            else GuestFrame("", 0, address)
        )

    def _module(self, address: int) -> Module | None:
        if self._modules is None:
            self._modules = self._all_modules()
        return next((one for one in self._modules if one.start <= address < one.start + one.size), None)

    def _all_modules(self) -> tuple[Module, ...]:
        try:
            return modules_of(self._held())
        except Unreadable:
            return ()

    def _held(self) -> Kernel:
        kernel = self._kernel()
        if kernel is None:
            raise Unreadable("the kernel is no longer looked at")
        return kernel

    def forget_modules(self) -> None:
        """Forget which modules there are: some may have come or gone."""
        self._modules = None
        self._module_rules.clear()

    def step(self, address: int) -> Step:
        """Tell how to get from an address to its caller. Raises ``Unreadable``."""
        if not address:
            return Step(_BY_NULL, guessed=True)
        if self.is_kernel(address):
            return Step(self._kernel_rules().at(address), guessed=False)
        module = self._module(address)
        if module is None or not module.orc_count:
            return Step(BY_FRAME_POINTER, guessed=True)
        rules = self._module_rules.get(module.start)
        if rules is None:
            table = OrcTable(self._pages, module.orc_addresses, module.orc_entries, module.orc_count)
            rules = self._module_rules[module.start] = Rules(table, self._kernel_rules().dialect)
        return Step(rules.at(address), guessed=False)

    def _kernel_rules(self) -> Rules:
        if self._no_rules:
            raise Unreadable(self._no_rules)
        if self._rules is None:
            self._rules = self._read_rules()
        return self._rules

    def _read_rules(self) -> Rules:
        kernel = self._held()
        try:
            table = kernel_table(kernel, self._pages)
            return Rules(table, dialect_of(kernel, table))
        except Unreadable as error:
            self._no_rules = str(error)
            raise

    def must_have_rules(self) -> None:
        """Raise ``Unreadable`` with the reason where this kernel's stacks cannot be read at all."""
        self._kernel_rules()


def _range(kernel: Kernel, first: str, end: str) -> tuple[int, int]:
    """What lies between two symbols; nothing where this kernel lacks them."""
    start, stop = kernel.symbols.get(first), kernel.symbols.get(end)
    return (start, stop) if start is not None and stop is not None else (0, 0)


def _sayable(name: str) -> str:
    """A name as text that can be written down, whatever bytes the guest has in it."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
