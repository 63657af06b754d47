"""placewatch: a city camera network that watches places, never people."""

__version__ = "0.1.0"
