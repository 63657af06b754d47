"""Console: the pages and the interface for the people who work with a node."""
