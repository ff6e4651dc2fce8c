"""Networks with learnable polynomial activations, trained to proven global optimality.

Read layers, networks, compilation, residuals; recovery and candidates, points from above;
gram_basis, centred and centring, proofs for squares; multipliers, chain, first_box, box_bounds,
splitting and tightening, proofs on boxes; then standing and fit. On trained networks: trained,
affine_steps, onnx_files, approximation, ranges and encrypted. Imports all rooms before it.
"""
