"""Losses, noise, metrics and theory: pure functions."""
