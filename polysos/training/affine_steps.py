"""Steps before a network that are affine maps of the inputs, such as scalers: x -> A x + b."""

from __future__ import annotations

import numpy as np

_POINTS = 5  # random ones, where a step that is not affine would show it
_FAR = 100.0  # beyond the data: a scaler that cuts off shows it there
_STEP = 2.0**20  # so large that a shift by much larger numbers than 1 leaves A its digits
_SAME = 1e-9


def affine_map(step: object) -> tuple[np.ndarray, np.ndarray]:
    """(A, b) with ``step.transform(x) = A x + b``, found by evaluating it.

    Parameters
    ----------
    step : fitted transformer of scikit-learn

    Returns
    -------
    A : array, shape (m, n)
    b : array, shape (m,)

    Raises
    ------
    TypeError
        If it is no such map.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> A, b = affine_map(StandardScaler().fit([[0.0, 4.0], [2.0, 12.0]]))
    >>> A.tolist(), b.tolist()
    ([[1.0, 0.0], [0.0, 0.25]], [-1.0, -2.0])
    """
    try:
        n = step.n_features_in_
        far = _FAR * np.random.default_rng(0).standard_normal((_POINTS, n))
        with np.errstate(all="ignore"):
            b, *columns = _values(step, np.vstack([np.zeros(n), _STEP * np.eye(n)]))
            there = _values(step, far)
            A = (np.array(columns) - b).T / _STEP
            apart = np.abs(far @ A.T + b - there).max()
    except (AttributeError, ValueError, TypeError) as error:
        raise _refusal(step) from error
    if not apart <= _SAME * np.abs(there).max():  # not, since it may be nan
        raise _refusal(step)
    return A, b


def _values(step, inputs: np.ndarray) -> np.ndarray:
    return np.asarray(step.transform(inputs), dtype=float)


def _refusal(step: object) -> TypeError:
    return TypeError(
        "model must be a pipeline whose steps before the last are affine maps of numbers, such as "
        f"StandardScaler or PCA, got {step!r}: take the last step, model[-1], and inputs as that "
        "sees them, model[:-1].transform(X)"
    )
