"""Register: what the public can check: notices and the journal of acts."""
