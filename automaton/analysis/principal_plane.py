"""Vectors of many dimensions on a plane: principal components, by their covariance.

Pure: numbers in, numbers out; the same numbers give the same picture, signs included.
The method is Pearson's (1901).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Plane(NamedTuple):
    """Where each vector lies, and how much of what they differ by the plane shows."""

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    explained: tuple[float, float]  # shares of the variance, of both axes


def principal_plane(vectors: npt.NDArray[Any], weights: npt.NDArray[Any]) -> Plane:
    """The plane of greatest variance. vectors [n, d], each taken at length 1; weights [n] >= 0."""
    units = vectors.astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True).clip(min=1e-12)
    shares = weights / max(1, weights.sum())
    centred = units - shares @ units
    covariance = (centred * shares[:, None]).T @ centred
    values, axes = np.linalg.eigh(covariance)
    best = axes[:, ::-1][:, :2]
    best = best * np.sign(best[np.abs(best).argmax(axis=0), np.arange(best.shape[1])])
    at = centred @ best
    total = max(float(values.sum()), 1e-12)
    one, two = (max(0.0, float(value)) / total for value in values[::-1][:2])
    return Plane(at[:, 0], at[:, 1], (one, two))
