"""What the estimators of all variants share, on top of the one training loop."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from core.config import TrainConfig
from core.data import DRAWN, Dataset, Provenance, shown_of
from core.estimators.arrays import Array, Form, form_of, labels_of
from core.estimators.modules import Decoder, Encoder
from core.latent import coding
from core.models import VARIANTS, build, signature_of
from core.models.base import Autoencoder, Member
from core.paths import AnyPath
from core.store.checkpoints import DataRecord, Request, user_store
from core.training import loop, runner
from core.training.evaluate import evaluate
from core.training.loop import Progress

__all__ = ["Estimator", "NotFittedError"]

NAME = "array"  # of the data of a run that was fitted to an array


def _encodes(self: Estimator) -> bool:
    return VARIANTS[self.variant].capabilities.has_encoder


def _draws(self: Estimator) -> bool:
    return VARIANTS[self.variant].capabilities.has_prior


class Estimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of the estimators: what `core.estimators.estimator(variant)` makes a class of.

    Arrays X are (count, features), (count, height, width) or (count, channels, height, width);
    uint8 or floats. Pixels are uint8, or floats of 0 to 1; of other values the least and the
    largest one in the whole array of the training become 0 and 1, and are turned back on the way
    out.

    After `fit`:
        model_: the model, a torch module; `model_(x)` reconstructs x (batch, channels, height,
            width) in [0, 1].
        encoder_, decoder_: torch modules, in the shape and unit of X.
        history_: a dictionary for each report of the training: `step`, `samples`, and the mean of
            each loss term.
        seed_: the whole number that a training of the same numbers would be given.
        classes_: names of the labels that the training was given, in the order in which a variant
            that is told labels counts them.

    Where a method takes y, it is labels as in the training, (count,), for variants that are told
    them; without y these are told the classes in turn.
    """

    variant: ClassVar[str]
    knobs: ClassVar[tuple[str, ...]]
    training: ClassVar[tuple[str, ...]]
    random_state: Any
    device: str
    model_: Member
    _form: Form

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on X.

        Args:
            X: examples, see the class.
            y: (count,) labels, whole numbers or strings, for variants that take a label and for the
                colours of a map; ignored where they are no classes.

        Raises:
            ValueError: for arrays of other shapes, or values that are no numbers; `ConfigError`
                for a knob out of its range; `TrainingError` where the training diverges.
        """
        x = self._read(X, fitting=True)
        form = form_of(x)
        config = VARIANTS[self.variant].Config.checked(self._asked(self.knobs))
        if config.latent > math.prod(form.given):
            raise ValueError(
                f"K (latent) is {config.latent}, and X has {math.prod(form.given)} feature(s); "
                "K is at most as many."
            )
        seed = self._seed(self.random_state)
        how = TrainConfig.checked(self._asked(self.training) | {"seed": seed})
        labels, names = labels_of(y, len(x))
        taken = form.taken(x)
        if taken.dtype != np.uint8:
            taken = taken.clip(0, 1)
        data = Dataset(NAME, "train", taken, labels, names, Provenance("an array", "yours"))
        model = build(self.variant, config, signature_of(data), seed)
        device = loop.best_device() if self.device == "auto" else self.device
        history: list[dict[str, float]] = []
        for last in loop.train(model, data, how, torch.device(device)):
            history.append({"step": last.step, "samples": last.samples, **last.terms})
        record = DataRecord.of(data).model_copy(
            update={"given": form.given, "span": (form.low, form.high)}
        )
        last = Progress(last.step, last.steps, last.samples, last.seconds, last.terms)
        self.adopt(model.eval().to("cpu"), form, how, record, last, history)
        self.classes_ = names
        return self

    def adopt(
        self,
        model: Member,
        form: Form,
        how: TrainConfig,
        data: DataRecord,
        last: Progress,
        history: list[dict[str, float]],
    ) -> Self:
        """Take a trained model, on the CPU, and all that a run says of its training."""
        self.model_ = model
        self.history_ = history
        self.seed_ = how.seed
        self.n_features_in_ = math.prod(form.given)
        self.classes_ = tuple(map(str, range(model.signature.classes)))
        self._form, self._how, self._data, self._last = form, how, data, last
        return self

    @available_if(_encodes)
    def transform(self, X: Any, y: Any = None) -> Array:
        """Codes (count, K) float32 of examples; of a model with a posterior its means."""
        taken = self._taken(X)
        return coding.encode(self._autoencoder(), taken, self._told(y, len(taken))).mean

    @available_if(_encodes)
    def fit_transform(self, X: Any, y: Any = None) -> Array:
        """Train on X and give its codes, told the same labels."""
        return self.fit(X, y).transform(X, y)

    def inverse_transform(self, Z: Any, y: Any = None) -> Array:
        """Examples in the shape and unit of X of codes (count, K)."""
        check_is_fitted(self, "model_")
        z = check_array(Z, dtype=np.float32)
        if z.shape[1] != self.model_.width:
            raise ValueError(f"Z has {z.shape[1]} columns; codes have {self.model_.width}.")
        return self._form.back(coding.decode(self.model_, z, self._told(y, len(z))))

    @available_if(_encodes)
    def reconstruct(self, X: Any, y: Any = None) -> Array:
        """What becomes of examples on the way through the code, in the shape and unit of X."""
        taken = self._taken(X)
        told = self._told(y, len(taken))
        return self._form.back(coding.reconstruct(self._autoencoder(), taken, told))

    @available_if(_draws)
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Array:
        """Examples decoded from draws of the prior: (n_samples, …) in the shape and unit of X."""
        check_is_fitted(self, "model_")
        return self._form.back(coding.sample(self.model_, n_samples, self._seed(random_state))[1])

    @available_if(_encodes)
    def score(self, X: Any, y: Any = None) -> float:
        """How good the model is on X; higher is better.

        Of a model with an ELBO that bound, nats per example, of the values in [0, 1]: of pixels
        drawn as 0 or 1 for a Bernoulli likelihood, of a density for a Gaussian one. Of others less
        the squared error, summed over an example's entries in [0, 1]. `scores` gives all.
        """
        found = self.scores(X, y)
        return found.get("elbo_binary", found.get("elbo", -found["squared_error"]))

    @available_if(_encodes)
    def scores(self, X: Any, y: Any = None) -> dict[str, float]:
        """All scores that the model has on X: see `core.training.evaluate.evaluate`."""
        taken = self._taken(X)
        told = self._told(y, len(taken))
        if told is None:
            told = np.full(len(taken), -1)
        return evaluate(self._autoencoder(), taken, labels=told)

    def save(
        self, store: AnyPath | None = None, X: Any = None, y: Any = None, name: str = NAME
    ) -> Path:
        """Save as a run, which the explorer opens as any other; `load` gives it back.

        Args:
            store: folder of runs; by default the user's own.
            X: examples that were held out of the training, on which the run is scored, and, where
                they are grey images of 28×28 pixels, up to 5,000 of which its map shows; without
                any it has no map.
            y: their labels.
            name: what to call the data.

        Returns:
            The run's folder.
        """
        check_is_fitted(self, "model_")
        shown = None
        if X is not None:
            taken = self._taken(X)
            if taken.dtype != np.uint8:
                taken = taken.clip(0, 1)
            labels, names = labels_of(y, len(taken))
            provenance = Provenance("an array", "yours")
            shown = Dataset(name, "test", taken, labels, names, provenance)
        data = self._data.model_copy(update={"name": name})
        told = cast(Dataset, data)  # the data are gone; of a run that is saved their record will do
        request = Request(self.variant, self.model_.config, told, self._how)
        folder = user_store() if store is None else store
        on_map = None
        if shown is not None and (shown.kind, shown.shape) == DRAWN:
            on_map = shown_of(shown)
        run = runner.save(
            self.model_, request, folder, self._last, self.history_, test=shown, on_map=on_map
        )
        return run.folder

    @property
    def encoder_(self) -> Encoder:
        """Examples to codes, as a torch module: see `core.estimators.modules`."""
        return Encoder(self._autoencoder(), self._form)

    @property
    def decoder_(self) -> Decoder:
        """Codes to examples, as a torch module."""
        check_is_fitted(self, "model_")
        return Decoder(self.model_, self._form)

    @property
    def _n_features_out(self) -> int:
        return self.model_.width

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _told(self, y: Any, count: int) -> Array | None:
        """Labels (count,) as the model counts them, -1 for y that is no set of classes; None of a
        model that is told none, or without y.

        Raises:
            ValueError: for a label that was not in the training.
        """
        if y is None or "label" not in VARIANTS[self.variant].capabilities.takes:
            return None
        labels, names = labels_of(y, count)
        places = {name: place for place, name in enumerate(self.classes_)}
        strange = [name for name in names if name not in places]
        if strange:
            raise ValueError(
                f"y has the label {strange[0][:40]}; the training had {', '.join(self.classes_)}."
            )
        return np.array([places[names[label]] if label >= 0 else -1 for label in labels], np.int64)

    def _autoencoder(self) -> Autoencoder:
        check_is_fitted(self, "model_")
        assert isinstance(self.model_, Autoencoder)
        return self.model_

    def _asked(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Parameters by name; numpy's numbers as Python's."""
        given = {name: getattr(self, name) for name in names}
        return {k: v.item() if isinstance(v, np.generic) else v for k, v in given.items()}

    def _taken(self, X: Any) -> Array:
        check_is_fitted(self, "model_")
        return self._form.taken(self._read(X, fitting=False))

    def _read(self, X: Any, fitting: bool) -> Array:
        """X as an array of numbers (count, *given), checked."""
        if getattr(X, "ndim", 2) not in (3, 4):
            found: Array = validate_data(self, X, reset=fitting, dtype="numeric")
        else:
            found = check_array(X, dtype="numeric", allow_nd=True)
        if not fitting and found.shape[1:] != self._form.given:
            raise ValueError(
                f"X has examples of shape {found.shape[1:]}; "
                f"the training's have {self._form.given}."
            )
        return found

    @staticmethod
    def _seed(random_state: Any) -> int:
        if isinstance(random_state, int | np.integer):
            return int(random_state)
        return int(check_random_state(random_state).randint(2**31 - 1))
