"""The film of a training: how the codes move and what a grid of the latent space decodes to."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from core.data import Dataset, few_of
from core.latent import coding
from core.latent.projections import Plane, procrustes
from core.models.base import Autoencoder, Member

FRAMES = 40
NOTES = "frames.json"  # step, samples and bounds of each frame in a folder
SHOWN = 1000  # examples of the map whose codes are filmed: see `core.data.few_of`
SIDE = 6  # digits along each side of the decoded grid


class Film:
    """Collects frames while a training runs; draws nothing at random, so it changes no training.

    Frames are closest at the beginning, where most happens. Of a code with K > 2 each frame shows
    its own PCA plane, turned onto the frame before it.

    Args:
        digits: whose codes are filmed.
        folder: where frames are put as they are taken, for those who watch; None for nowhere.
    """

    def __init__(self, digits: Dataset, folder: Path | None = None) -> None:
        self.index, self.digits = few_of(digits, SHOWN)
        self.folder = folder
        self.points: list[np.ndarray] = []  # (count, 2) each
        self.grids: list[np.ndarray] = []  # (SIDE · height, SIDE · width) uint8 each
        self.bounds: list[tuple[float, float, float, float]] = []  # left, bottom, right, top
        self.steps: list[int] = []
        self.samples: list[int] = []

    def begin(self, model: Member, resumed: bool) -> bool:
        """Take the first frame, or, where a training is resumed, the frames that it had; False
        where there is nothing to film: no codes, or no pictures."""
        if not isinstance(model, Autoencoder) or self.digits.kind == "ratings":
            return False
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            if resumed and self._again(self.folder):
                return True
            for stale in self.folder.iterdir():
                stale.unlink()
        if resumed:
            return False
        self.look(model, 0, 1, 0)
        return True

    def _again(self, folder: Path) -> bool:
        """Read the frames that were put in the folder; False where they are torn."""
        try:
            notes = json.loads((folder / NOTES).read_bytes())
            for i, (step, samples, bounds) in enumerate(notes):
                points = np.frombuffer((folder / f"{i:04d}.points").read_bytes(), np.float16)
                self.points.append(points.reshape(-1, 2))
                self.grids.append(np.array(Image.open(folder / f"{i:04d}.grid")))
                self.bounds.append(tuple(bounds))
                self.steps.append(step)
                self.samples.append(samples)
        except (OSError, ValueError):
            return False
        return True

    def look(self, model: Autoencoder, step: int, steps: int, samples: int) -> None:
        """Take a frame if it is time for one: before the first step, at the last, and between."""
        due = (len(self.points) / (FRAMES - 1)) ** 2 * steps
        if self.steps and step < steps and (step < due or len(self.points) >= FRAMES - 1):
            return
        if self.steps and step <= self.steps[-1]:
            return  # resumed from before this frame, which is the same
        training = model.training
        model.eval()
        codes = coding.encode(model, self.digits.x, self.digits.labels).mean
        points, plane, turn = self._points(codes, coding.plane_of(model, codes))
        self.points.append(points.astype(np.float16))
        self._grid(model, points, plane, turn)
        self.steps.append(step)
        self.samples.append(samples)
        model.train(training)
        if self.folder is not None:
            self._publish(self.folder, len(self.points) - 1)

    def _points(self, codes: np.ndarray, plane: Plane) -> tuple[np.ndarray, Plane, np.ndarray]:
        points = plane.to_map(codes)
        turn = np.eye(2)
        if codes.shape[1] > 2 and self.points:
            turn = procrustes(points, self.points[-1].astype(np.float64)).rotation
        return np.clip(points @ turn, -6e4, 6e4), plane, turn

    def _grid(self, model: Autoencoder, points: np.ndarray, plane: Plane, turn: np.ndarray) -> None:
        left, bottom = np.quantile(points, 0.02, axis=0)
        right, top = np.quantile(points, 0.98, axis=0)
        places = coding.grid(np.array([left, bottom]), np.array([right, top]), SIDE)
        z = plane.to_latent(places @ turn.T)
        pictures = coding.decode(model, z)
        if self.digits.kind == "sequences":  # of each the middle frame
            pictures = pictures[:, pictures.shape[1] // 2]
        pixels = np.clip(np.nan_to_num(pictures), 0, 1).mean(axis=1)  # channels to grey
        height, width = pixels.shape[-2:]
        sheet = pixels.reshape(SIDE, SIDE, height, width).transpose(0, 2, 1, 3)
        self.grids.append((sheet.reshape(SIDE * height, SIDE * width) * 255).round().astype("u1"))
        self.bounds.append((float(left), float(bottom), float(right), float(top)))

    def _publish(self, folder: Path, frame: int) -> None:
        notes = list(zip(self.steps, self.samples, self.bounds, strict=True))
        contents = {
            f"{frame:04d}.points": self.points[frame].tobytes(),
            f"{frame:04d}.grid": _png(self.grids[frame]),
            NOTES: json.dumps(notes).encode(),
        }
        for name, content in contents.items():
            written = folder / f".{name}"
            written.write_bytes(content)
            written.replace(folder / name)

    def arrays(self) -> dict[str, np.ndarray]:
        """What the run keeps: `points` (frames, count, 2) float16, `index` (count,) of these among
        the map's, `steps` and `samples` (frames,) and `bounds` (frames, 4) float32, and `sheet`,
        the bytes of one PNG with the decoded grids one below the other. Empty where no frame was
        taken."""
        if not self.points:
            return {}
        return {
            "points": np.stack(self.points),
            "index": self.index.astype(np.float32),
            "steps": np.array(self.steps, np.float32),
            "samples": np.array(self.samples, np.float32),
            "bounds": np.array(self.bounds, np.float32),
            "sheet": np.frombuffer(_png(np.concatenate(self.grids)), np.uint8),
        }


def _png(grey: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    return buffer.getvalue()
