"""What a problem is: polynomials, moments, and problems made of them.

Read polynomials, moments, problem; derivatives is what local searches evaluate. Imports numpy, and
`polysos.checks`.
"""
