"""The experiments of the paper, our results, and a verdict on every printed number.

Read experiments, results, verdict; paper.json holds what the paper prints. Needs the extra
`polysos[paper]`. Imports `polysos.training`.
"""
