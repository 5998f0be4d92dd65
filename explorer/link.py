"""What a session knows of the address bar, and what the address must say of a page.

The server never writes the address itself: Streamlit would add an entry to the browser's history
for each change. It tells the page's keeper (`explorer/pad/pages/keeper.js`), which changes the
entry that is there. So each page is one entry, and the address of an entry is its page's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

LONGEST = 16_384  # characters of an address that are read
MOST = 100  # parameters that are read
LANGUAGE = "lang"  # the person's and not the page's: Back does not change it back


def read(address: str) -> dict[str, str]:
    """The parameters of an address; the last value of each. None where it is too long."""
    try:
        query = urlsplit(address[: LONGEST + 1]).query
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST)
    except ValueError:  # too many of them, or no address at all
        return {}
    return dict(pairs) if len(address) <= LONGEST else {}


@dataclass
class Link:
    """Parameters of the address bar.

    Attributes:
        said: every parameter that this session has met or chosen, as an address says it.
        fresh: names of those that came with an address and that no page has looked at.
        shown: what the page that is drawn says in its address.
        pins: names that pages may take out of their address again.
        hands: what the page's pad writes into the address by itself, and of what each is; a place
            is of a run, a digit of a set of images. The browser keeps it for the page after.
        page: which is drawn, empty before the first.
        adopted: whether an address was taken over since a page was last begun.
        moved: whether this page is drawn because somebody came from another one by the menu.
    """

    said: dict[str, str] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    shown: dict[str, str] = field(default_factory=dict)
    pins: set[str] = field(default_factory=set)
    hands: dict[str, str] = field(default_factory=dict)
    page: str = ""
    adopted: bool = False
    moved: bool = False

    def adopt(self, said: Mapping[str, str]) -> None:
        """Take over what an address says, by which somebody came: a link, a reload, Back."""
        back = bool(self.page)
        for name in self.pins & self.said.keys() - said.keys():
            del self.said[name]
        found = {name: text for name, text in said.items() if not (back and name == LANGUAGE)}
        self.said |= found
        self.fresh = set(found)
        self.adopted, self.moved = True, False

    def begin(self, page: str) -> None:
        """A page is drawn, once more or for the first time."""
        if page != self.page:
            self.moved = bool(self.page) and not self.adopted
        self.page, self.adopted = page, False
        self.shown, self.hands = {}, {}

    def end(self) -> None:
        """The page is drawn."""
        self.moved = False
        self.fresh.clear()

    def choose(self, name: str, text: str) -> None:
        """Somebody chose a value."""
        self.said[name] = text
        self.fresh.discard(name)

    def pick(self, name: str, allowed: Iterable[str], default: str) -> tuple[str, str | None]:
        """The value to show of those allowed, and what an address asked for in vain."""
        asked = self.said.get(name)
        value = asked if asked is not None and asked in set(allowed) else default
        in_vain = asked if name in self.fresh and asked != value else None
        self.fresh.discard(name)
        self.shown[name] = value
        return value, in_vain

    def only(self, name: str, value: str) -> str | None:
        """Where there is one value and so no picker: the address says it only where it asked for
        one, and none of what there was before. Gives what it asked for in vain."""
        asked = name in self.fresh
        _, in_vain = self.pick(name, [value], value)
        self.said[name] = value
        if not asked:
            del self.shown[name]
            self.pins.add(name)
        return in_vain

    def pin(self, name: str, text: str | None) -> None:
        """Let the address say a value, or nothing, of what has no picker."""
        self.pins.add(name)
        self.fresh.discard(name)
        if text is None:
            self.said.pop(name, None)
            self.shown.pop(name, None)
        else:
            self.said[name] = self.shown[name] = text

    def carry(self, name: str, of: str = "", among: Iterable[str] = ()) -> None:
        """The page's pad writes a parameter by itself. Where somebody came by the menu, it begins
        with what this session holds, if it is among those given."""
        self.hands[name] = of
        if self.moved and self.said.get(name) in set(among):
            self.shown[name] = self.said[name]

    def rename(self, names: Mapping[str, str]) -> None:
        """Say today's names where an address says one that was formerly another's."""
        for name, text in self.said.items():
            self.said[name] = ",".join(names.get(part, part) for part in text.split(","))

    def told(self) -> dict:
        """What the browser must know of the page: what its address says and must no longer say,
        what its pads write by themselves, and whether they begin with what others wrote."""
        gone = sorted(self.pins - self.shown.keys())
        hands, moved = dict(self.hands), self.moved
        return {"said": dict(self.shown), "gone": gone, "hands": hands, "moved": moved}
