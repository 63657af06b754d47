"""Store: one folder in which a node keeps its facts and its ledger."""

from pathlib import Path

from placewatch.store.facts import FactStore
from placewatch.store.ledger import Ledger


class Store:
    """`facts` in `folder`/facts, the ledger beside them. With `writes` the only writer of facts.

    Raises Misconfigured where the folder cannot be used, Corrupt where it is damaged.
    """

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.folder = folder
        self.facts = FactStore(folder / "facts", writes)
        try:
            self.ledger = Ledger.in_folder(folder)
        except BaseException:
            self.facts.close()
            raise

    def close(self) -> None:
        """Lets another process write. May be called more than once."""
        self.facts.close()
        self.ledger.close()
