"""Networks with learnable polynomial activations, trained to proven global optimality.

Read networks, compilation, residuals; recovery for candidates; lemmas, first_box, box_bounds and
splitting for bounds; tightening, the plan, and fit. Imports all rooms before it.
"""
