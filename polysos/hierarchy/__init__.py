"""Minimize with proof: points from above, proofs from below, until the two meet.

Read certificates and rounding, local_search, rational_points and points, standing, steps, search,
minimize; beside them one_variable, forms, sums_of_squares, convexity, and sos_programs with
sos_model and sos_rounding. Imports the rooms `algebra`, `proofs` and `relaxations`.
"""
