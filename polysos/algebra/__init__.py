"""What a problem is: polynomials, moments, and problems made of them.

Read polynomials, moments, problem; unknowns holds polynomials with unknown coefficients, and
derivatives is what local searches evaluate. Imports numpy, and `polysos.checks`.
"""
