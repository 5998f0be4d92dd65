"""Level-conditional denoising autoencoder: one network for every noise level."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

from core.config import ConfigError, NetworkConfig, knob
from core.measures.noise import CORRUPTIONS
from core.models.abilities import Corrupting, Dialled
from core.models.conditioned import gated_decoder, gated_encoder
from core.models.deterministic import PlainPointAutoencoder
from core.models.dial import Dial
from core.models.networks import decoder, encoder
from core.models.signals import Condition, Signature


class MultiLevelConfig(NetworkConfig):
    """Type of the corruption, the range of levels that one network learns, and the networks."""

    noise: Literal["gaussian", "salt_and_pepper", "masking"] = knob(
        "masking", label="Noise", help="How the input is corrupted; the target stays clean."
    )
    level: float = knob(
        0.3,
        ge=0,
        le=1,
        label="Noise level",
        help="Level at which the model stands unless it is told another.",
    )
    level_low: float = knob(
        0.0, ge=0, le=1, label="Lowest level", help="Lower end of the trained range of levels."
    )
    level_high: float = knob(
        0.8, ge=0, le=1, label="Highest level", help="Upper end of the trained range of levels."
    )


@final
class MultiLevelAutoencoder(Corrupting, Dialled, PlainPointAutoencoder):
    """A denoising AE whose encoder and decoder take the noise level as an input, so that the
    level is a slider, not a training. A level is drawn uniformly for each image of a batch.

    Assumes that the level is known: told a wrong one, it cleans too little or too much. The gates
    are those of Bae et al. (2023); the task is Vincent et al.'s (2008).
    """

    name, title, Config = "multilevel_dae", "Level-conditional DAE", MultiLevelConfig

    def __init__(self, config: MultiLevelConfig, signature: Signature) -> None:
        if not config.level_low < config.level_high:
            raise ConfigError(
                "Highest level (level_high) must be above the lowest, {low:g}; got {high:g}.",
                low=config.level_low,
                high=config.level_high,
            )
        super().__init__(
            config,
            signature,
            encoder=gated_encoder(encoder(config, signature, config.latent), "sigmoid"),
            decoder=gated_decoder(decoder(config, signature, None), config.latent, "sigmoid"),
            output=nn.Sigmoid(),
        )

    @property
    def dial(self) -> Dial:
        low, high = self.config.level_low, self.config.level_high
        usual = min(high, max(low, self.config.level))
        return Dial("level", low, high, log=False, usual=usual)

    def corrupt(self, x: Tensor, condition: Condition, generator: torch.Generator | None) -> Tensor:
        level = self.stands_at(condition, x).reshape(-1, *[1] * (x.ndim - 1))  # (batch, 1, …)
        return CORRUPTIONS[self.config.noise](x, level, generator)
