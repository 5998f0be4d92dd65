"""Latent Explorer's core: data, models, training and the run store; knows nothing of any screen."""

__version__ = "0.1.0"
