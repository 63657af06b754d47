"""Store: one folder in which a node keeps its facts and its ledger."""

from collections.abc import Sequence
from pathlib import Path

from placewatch.core.facts import Fact
from placewatch.store.facts import FactStore
from placewatch.store.ledger import Ledger
from placewatch.store.rows import MOVEMENT_COUNTS, SHAPES


class Store:
    """Counts of lines in `folder`/facts, of movements in `folder`/movements, the ledger beside
    them. With `writes` the only writer of facts; without, `movements` is None where none were
    ever stored.

    Raises Misconfigured where the folder cannot be used, Corrupt where it is damaged.
    """

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.folder = folder
        self.facts = FactStore(folder / "facts", writes)
        self.movements: FactStore | None = None
        try:
            there = folder / MOVEMENT_COUNTS.name
            if writes or there.exists():
                self.movements = FactStore(there, writes, MOVEMENT_COUNTS)
            self.ledger = Ledger.in_folder(folder)
        except BaseException:
            self._close_tables()
            raise

    def append(self, facts: Sequence[Fact]) -> None:
        """Adds all of `facts`, which are of one sort, to their table, or none; see FactStore."""
        shapes = {SHAPES[type(fact)].name for fact in facts}
        assert len(shapes) <= 1, "facts of one sort at a time"
        if MOVEMENT_COUNTS.name in shapes:
            assert self.movements is not None, "opened to read"
            self.movements.append(facts)
        else:
            self.facts.append(facts)

    def close(self) -> None:
        """Lets another process write. May be called more than once."""
        self._close_tables()
        self.ledger.close()

    def _close_tables(self) -> None:
        self.facts.close()
        if self.movements is not None:
            self.movements.close()
