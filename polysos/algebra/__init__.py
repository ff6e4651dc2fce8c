"""What a problem is: polynomials, moments, and problems made of them.

Read polynomials, moments, problem. Imports numpy, and `polysos.checks`.
"""
