"""Three other ways to train activations with a guarantee, as estimators of scikit-learn.

    spheres          quadratics on the sphere, and matrices that are sums of its points
    spectrahedra     two layers, one activation of degree two: a semidefinite program
    arrangements     the patterns that threshold neurons can show on data
    lasso            a LASSO over patterns, and exact bounds on it
    thresholds       steps instead of activations: the LASSO over all patterns
    splines          one variable: linear splines with the fewest knots
    spline_networks  networks whose activations are linear splines

They stand beside the paper's method and do not use it. scikit-learn is needed for all of them, jax
and optax for the training of `SplineNetwork`: `pip install "polysos[neighbours]"`.
"""

from ..checks import check_installed

check_installed("neighbours", "sklearn")

from .spectrahedra import SpectrahedralNetwork  # noqa: E402
from .spline_networks import SplineNetwork  # noqa: E402
from .splines import SplineRegressor  # noqa: E402
from .thresholds import ThreeLayerThresholdNetwork, ThresholdNetwork  # noqa: E402

__all__ = [
    "SpectrahedralNetwork",
    "SplineNetwork",
    "SplineRegressor",
    "ThreeLayerThresholdNetwork",
    "ThresholdNetwork",
]
