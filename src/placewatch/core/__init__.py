"""Core: the words that every part of placewatch speaks. Standard library only, no I/O."""
