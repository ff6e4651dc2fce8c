"""What the chapters show with: figures, tables, sliders and self-checks.

Needs the extra `polysos[book]`. Imports `polysos.algebra` only.
"""
