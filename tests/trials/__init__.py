"""Variants on trial: one of every kind that the contract must take, each as one file, as in
`core/models`. The contract suite runs over them as over the registered ones."""

from __future__ import annotations

import importlib

CLASSES = {
    "weighted_vae": "weighted_vae.WeightedVAE",
    "l1_ae": "l1_ae.L1Autoencoder",
    "labelled_vae": "labelled_vae.LabelledVAE",
    "guessing_vae": "guessing_vae.GuessingVAE",
    "book_ae": "book_ae.BookAutoencoder",
    "two_level_vae": "two_level_vae.TwoLevelVAE",
    "gan": "gan.GAN",
    "vae_gan": "vae_gan.VAEGAN",
    "pixel_vae": "pixel_vae.PixelVAE",
    "two_step_ae": "two_step_ae.TwoStepAutoencoder",
    "deep_clustering": "deep_clustering.DeepClustering",
    "flow": "flow.CouplingFlow",
    "sequence_ae": "sequence_ae.SequenceAutoencoder",
    "auto_rec": "auto_rec.AutoRec",
    "feature_vae": "feature_vae.FeatureVAE",
}


def trial(name: str) -> type:
    """The class of a variant on trial."""
    module, _, kind = CLASSES[name].partition(".")
    return getattr(importlib.import_module(f"tests.trials.{module}"), kind)
