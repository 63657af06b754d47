"""Store: one folder in which a node keeps its facts and its ledger."""

from collections.abc import Sequence
from pathlib import Path

from placewatch.core.facts import Fact
from placewatch.store.facts import FactStore
from placewatch.store.ledger import Ledger
from placewatch.store.rows import LINE_COUNTS, SHAPES, Shape


class Store:
    """Each sort of facts in a table of its own in `folder`, the ledger beside them. With `writes`
    the only writer of facts.

    Raises Misconfigured where the folder cannot be used, Corrupt where it is damaged.
    """

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.folder = folder
        self.facts = FactStore(folder / LINE_COUNTS.name, writes)
        self._tables = {LINE_COUNTS.name: self.facts}
        try:
            for shape in SHAPES.values():
                there = folder / shape.name
                if shape is not LINE_COUNTS and (writes or there.exists()):
                    self._tables[shape.name] = FactStore(there, writes, shape)
            self.ledger = Ledger.in_folder(folder)
        except BaseException:
            self._close_tables()
            raise

    def table(self, shape: Shape) -> FactStore | None:
        """The table of facts that have `shape`; None where none were ever stored."""
        return self._tables.get(shape.name)

    def append(self, facts: Sequence[Fact]) -> None:
        """Adds all of `facts`, which are of one sort, to their table, or none; see FactStore."""
        shapes = {SHAPES[type(fact)].name for fact in facts}
        assert len(shapes) <= 1, "facts of one sort at a time"
        for name in shapes:
            self._tables[name].append(facts)

    def close(self) -> None:
        """Lets another process write. May be called more than once."""
        self._close_tables()
        self.ledger.close()

    def _close_tables(self) -> None:
        for table in self._tables.values():
            table.close()
