"""One moment relaxation, and what is read off it: all in floats, a solver's word.

Read scaling, blocks, variant, program, relaxation, flatness, extraction; then what makes blocks
smaller: sparsity with cliques, terms and signs, zeros, faces; cost and solvers. Imports
`polysos.algebra`, `polysos.proofs` and the solvers.
"""
