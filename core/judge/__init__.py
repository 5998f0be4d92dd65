"""The classifier that judges what models draw."""
