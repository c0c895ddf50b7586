"""Samples of a posterior as arrays, and back; checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tastemap.artifacts.arrays import check_array, length_of, require, width_of
from tastemap.artifacts.tensors import Array
from tastemap.linalg.types import Int64Array
from tastemap.models.rating_samples import GRID, Calibration, RatingSamples
from tastemap.models.user_priors import UserPriors

SAMPLE_ARRAYS = ("user_samples", "item_samples", "sample_noise")
CALIBRATION_ARRAYS = ("user_scale", "item_scale", "activity_edges", "error_quantiles")
PRIOR_ARRAYS = ("prior_means", "prior_precisions", "prior_directions", "prior_weights")
"""All of them or none: without them people who come later have no intervals."""


def sample_arrays(samples: RatingSamples) -> dict[str, Array]:
    """The arrays of samples; how many ratings a user has is in the interactions."""
    worth, priors = samples.calibration, samples.priors
    found = [samples.user_samples, samples.item_samples, samples.noise]
    found += [worth.user_scale, worth.item_scale, worth.edges, worth.quantiles]
    names = [*SAMPLE_ARRAYS, *CALIBRATION_ARRAYS]
    if priors is not None:
        found += [priors.means, priors.precisions, priors.directions, priors.weights]
        names += PRIOR_ARRAYS
    return {name: np.ascontiguousarray(array) for name, array in zip(names, found, strict=True)}


def samples_of(arrays: Mapping[str, Array], n_ratings: Int64Array) -> RatingSamples:
    """The samples that were packed, for users with so many ratings (U,)."""
    calibration = Calibration(*(arrays[name] for name in CALIBRATION_ARRAYS))
    users, items, noise = (arrays[name] for name in SAMPLE_ARRAYS)
    priors = UserPriors(*(arrays[name] for name in PRIOR_ARRAYS)) if PRIOR_ARRAYS[0] in arrays else None
    return RatingSamples(users, items, noise, calibration, n_ratings, priors)


def check_samples(arrays: Mapping[str, Array], n_users: int, n_items: int) -> None:
    """Raise an ArtifactError at the first array of samples that is not what it must be."""
    n_samples, width = length_of(arrays, "sample_noise"), width_of(arrays, "user_samples")
    check_array(arrays, "sample_noise", np.float32, (n_samples,))
    require(
        n_samples > 0 and width > 0 and width % n_samples == 0,
        f"user_samples has {width} columns for {n_samples} samples",
    )
    check_array(arrays, "user_samples", np.float16, (n_users, width))
    check_array(arrays, "item_samples", np.float16, (n_items, width))
    check_array(arrays, "user_scale", np.float32, (n_users,))
    check_array(arrays, "item_scale", np.float32, (n_items,))
    n_edges = length_of(arrays, "activity_edges")
    check_array(arrays, "activity_edges", np.float32, (n_edges,))
    check_array(arrays, "error_quantiles", np.float32, (n_edges + 1, GRID))
    if any(name in arrays for name in PRIOR_ARRAYS):
        _check_priors(arrays, n_items, n_samples, width // n_samples)


def _check_priors(arrays: Mapping[str, Array], n_items: int, n_samples: int, d: int) -> None:
    """What S samples of D columns expect of a user."""
    missing = [name for name in PRIOR_ARRAYS if name not in arrays]
    require(not missing, f"{', '.join(missing)} are missing where other priors of samples are there")
    require(bool((arrays["sample_noise"] > 0.0).all()), "sample_noise holds a value that is not above 0")
    r = width_of(arrays, "prior_directions")
    check_array(arrays, "prior_means", np.float32, (n_samples, d))
    check_array(arrays, "prior_precisions", np.float32, (n_samples * d, d))
    check_array(arrays, "prior_directions", np.float16, (n_items, r))
    check_array(arrays, "prior_weights", np.float16, (r, n_samples * d))
    found = arrays["prior_precisions"].astype(np.float64).reshape(n_samples, d, d)
    spectrum = np.linalg.eigvalsh(found)
    require(bool((spectrum > 0.0).all()), "prior_precisions holds a matrix that is not positive definite")
