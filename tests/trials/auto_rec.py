"""AutoRec (Sedhain et al., 2015): only the observed ratings count."""

from typing import final

from torch import nn

from core.config import ModelConfig
from core.models.deterministic import PlainPointAutoencoder
from core.models.networks import check_latent, mlp_decoder, mlp_encoder


class AutoRecConfig(ModelConfig):
    pass


@final
class AutoRec(PlainPointAutoencoder):
    """Assumes that who agreed on what they rated will agree on the rest."""

    name, title, Config = "auto_rec", "AutoRec", AutoRecConfig
    kinds = ("ratings",)

    def __init__(self, config, signature):
        check_latent(config.latent, signature)
        super().__init__(
            config,
            signature,
            encoder=mlp_encoder(signature.size, (16,), config.latent, "sigmoid"),
            decoder=mlp_decoder(config.latent, (16,), signature.shape, "sigmoid"),
            output=nn.Identity(),
        )
