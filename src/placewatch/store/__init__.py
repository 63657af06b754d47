"""Store: facts and health that survive a power cut."""
