"""One moment relaxation, and what is read off it: all in floats, a solver's word.

Read scaling, blocks, variant, program, relaxation, flatness, extraction; then cost, solvers and
faces. Imports `polysos.algebra` and `polysos.proofs`, and the solvers.
"""
