"""Row spaces of rational matrices, exactly and quickly.

Which rows and columns are independent is told by a large prime. One system of equations, exact,
then gives the echelon form, and a product shows that it is right.
"""

from __future__ import annotations

from flint import fmpq, fmpq_mat, nmod_mat

_PRIME = 2**61 - 1


def row_space(A: fmpq_mat) -> tuple[fmpq_mat, list[int]]:
    """A basis of the row space of A, as rows, and the columns in which it is the unit matrix.

    The reduced echelon form, unless the prime divides a minor; then another basis of the same kind.

    >>> row_space(fmpq_mat([[2, 4, 1], [1, 2, 1], [3, 6, 2]]))
    ([1, 2, 0]
    [0, 0, 1], [0, 2])
    """
    columns, p = pivots(A), A.ncols()
    rows = pivots(part_of(A, range(A.nrows()), columns).transpose())
    others = sorted(set(range(p)) - set(columns))
    every = range(A.nrows())
    X = part_of(A, rows, columns).solve(part_of(A, rows, others)) if columns else fmpq_mat(0, p)
    if part_of(A, every, columns) * X != part_of(A, every, others):
        echelon, rank = A.rref()  # modulo the prime the rank is less: never seen
        kept = [next(j for j in range(p) if echelon[i, j] != 0) for i in range(rank)]
        return part_of(echelon, range(rank), range(p)), kept
    H = fmpq_mat(len(columns), p)
    for i, j in enumerate(columns):
        H[i, j] = fmpq(1)
        for k, other in enumerate(others):
            H[i, other] = X[i, k]
    return H, columns


def pivots(A: fmpq_mat) -> list[int]:
    """The first columns that are independent, modulo a prime: all independent in truth."""
    numerators, _ = A.numer_denom()
    echelon, rank = nmod_mat(numerators, _PRIME).rref()
    return [next(j for j in range(A.ncols()) if echelon[i, j] != 0) for i in range(rank)]


def part_of(A: fmpq_mat, rows, columns) -> fmpq_mat:
    rows, columns = list(rows), list(columns)
    return fmpq_mat(len(rows), len(columns), [A[i, j] for i in rows for j in columns])
