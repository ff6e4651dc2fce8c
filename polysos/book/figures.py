"""One style for every figure of the book.

Colours that colour-blind readers tell apart (Okabe and Ito), an opaque white background, which
dark themes need, and letters that stay readable on a phone. The library itself does not import
this file: matplotlib is needed for the book alone.
"""

from __future__ import annotations

import matplotlib
from cycler import cycler

COLOURS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "yellow": "#E69F00",
    "pink": "#CC79A7",
    "sky": "#56B4E9",
    "grey": "#767676",
}

STYLE = {
    "axes.prop_cycle": cycler(color=list(COLOURS.values())),
    "figure.figsize": (5.2, 3.4),
    "figure.dpi": 170,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "axes.axisbelow": True,
    "lines.linewidth": 2,
    "lines.markersize": 7,
    "legend.frameon": False,
}


def use_style() -> None:
    """Draw every figure from now on in the book's style.

    >>> use_style()
    >>> matplotlib.rcParams["figure.facecolor"]
    'white'
    """
    matplotlib.rcParams.update(STYLE)
