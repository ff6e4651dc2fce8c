"""One moment relaxation, and what is read off it: all in floats, a solver's word.

Read scaling, blocks, variant, program, relaxation, flatness, extraction; then sparsity, zeros and
faces, which make blocks smaller; cost and solvers. Imports `polysos.algebra`, `polysos.proofs` and
the solvers.
"""
