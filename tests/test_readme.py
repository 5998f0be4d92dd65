"""What the README shows is so: its example of a variant trains."""

import importlib.util
import re

import torch

from core.models.signals import Moment, Signature
from tests.digits import REPOSITORY

IMPORTS = """
from typing import final
from torch import nn
from core.config import NetworkConfig, knob
from core.models.deterministic import PointAutoencoder
from core.models.networks import decoder, encoder
"""


def test_the_example_of_a_variant_works(tmp_path):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"## Add a variant\n.*?```python\n(.*?)```", readme, re.DOTALL)
    file = tmp_path / "sparse.py"
    file.write_text(IMPORTS + code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("sparse", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kind = module.SparseAutoencoder
    model = kind(kind.Config.checked({"hidden": (8,), "weight": 2.0}), Signature())
    generator = torch.Generator().manual_seed(0)
    batch = model.prepare(torch.rand(4, 1, 28, 28), generator=generator)
    output = model(batch)
    terms = model.loss_terms(batch, output, Moment())
    torch.testing.assert_close(terms["sparsity"], 2 * output.z.abs().sum(1).mean())
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in model.parameters())
