"""A linear layer as arrays: what a trained network leaves for NumPy to run."""

from __future__ import annotations

from dataclasses import dataclass

from tastemap.linalg.types import Float32Array


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer: ``weights @ h + offsets``, of shapes (h_out, h_in) and (h_out,), float32."""

    weights: Float32Array
    offsets: Float32Array
