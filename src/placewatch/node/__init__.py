"""Node: wires the stages together; the only place that knows them all."""
