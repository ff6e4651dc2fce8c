"""What has to be right: exact proofs, and everything that checks them. No solver, no cvxpy.

Read exact, box, region, identity, proof, files; then feasible_points and only_minimizer, and
exact_arrays for data.
Imports `polysos.algebra` and python-flint, whose rationals and balls it trusts.
"""
