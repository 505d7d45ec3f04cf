"""Figures against a limit that is measured in between: `python -m tests.bench oprf|publish|end_to_end`."""
