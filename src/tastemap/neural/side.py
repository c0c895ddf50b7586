"""What a network sees of a user or an item: an embedding, and those of its features beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tastemap.data import FeatureColumn
from tastemap.models.mlp import embedding_size
from tastemap.neural.start import draw


def feature_tables(
    columns: Sequence[FeatureColumn], std: float, rng: np.random.Generator
) -> list[tuple[Tensor, Tensor]]:
    """What :class:`Side` takes for each feature column: its values, and where their embeddings start."""
    tables = []
    for column in columns:
        size = embedding_size(column.n_values)
        table = draw((column.n_values + 1, size), "normal", 0.0, std, rng)
        table[-1] = 0.0
        tables.append((torch.from_numpy(column.padded()), table))
    return tables


class Side(nn.Module):
    """Inputs of one side.

    Parameters
    ----------
    embedding : tensor of shape (n, d)
        Where training starts, one row for each user or item.
    features : sequence of (values, table)
        For each feature column the values of every row, shape (n, m), int64, padded with V; and where the
        embedding of the V values starts, shape (V + 1, e), the last row zero. Several values count by
        their mean.
    """

    def __init__(self, embedding: Tensor, features: Sequence[tuple[Tensor, Tensor]] = ()) -> None:
        super().__init__()
        self.embedding = nn.Parameter(embedding)  # (n, d)
        self.tables = nn.ParameterList(table for _, table in features)  # (V + 1, e) each
        for number, (values, table) in enumerate(features):
            self.register_buffer(f"values_{number}", values, persistent=False)  # (n, m)
            counts = (values < len(table) - 1).sum(dim=1, keepdim=True).clamp(min=1)
            self.register_buffer(f"counts_{number}", counts.float(), persistent=False)  # (n, 1)

    def forward(self, index: Tensor) -> Tensor:
        """Inputs of the rows `index` (B,), int64; shape (B, p)."""
        parts = [F.embedding(index, self.embedding)]  # (B, d)
        for number, table in enumerate(self.tables):
            values = self.get_buffer(f"values_{number}")[index]  # (B, m)
            bag = F.embedding(values, table, padding_idx=len(table) - 1).sum(dim=1)  # (B, e)
            parts.append(bag / self.get_buffer(f"counts_{number}")[index])
        return torch.cat(parts, dim=1)

    @property
    def n_inputs(self) -> int:
        """Inputs p of a row."""
        return sum(int(table.shape[1]) for table in (self.embedding, *self.tables))

    def all_inputs(self) -> Tensor:
        """Inputs of every row, shape (n, p)."""
        inputs: Tensor = self(torch.arange(len(self.embedding), device=self.embedding.device))
        return inputs
