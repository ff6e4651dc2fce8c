"""The experiments of the paper, our results, and a verdict on every printed number.

Read experiments, results, verdict, commands; paper.json holds what the paper prints. Needs the
extra `polysos[paper]`. Imports `polysos.training`.
"""

from ..checks import check_installed

check_installed("paper", "joblib", "threadpoolctl", "tqdm")
