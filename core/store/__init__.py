"""Runs on disk, what is kept beside them, and what people do with them."""
