"""Row spaces: the quick way gives what elimination gives, also where the prime misleads."""

from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from polysos.training import row_space as rooms
from polysos.training.row_space import part_of, row_space

entries = st.fractions(min_value=-3, max_value=3, max_denominator=4)


def matrix(rows):
    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in rows])


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 4), st.data())
def test_it_is_the_reduced_echelon_form(m, p, rank, data):
    left = matrix([data.draw(st.lists(entries, min_size=rank + 1, max_size=rank + 1))] * 1 * m)
    rows = data.draw(
        st.lists(st.lists(entries, min_size=p, max_size=p), min_size=rank + 1, max_size=rank + 1)
    )
    A = left * matrix(rows) if data.draw(st.booleans()) else matrix(rows)
    echelon, true_rank = A.rref()
    H, columns = row_space(A)
    assert H == part_of(echelon, range(true_rank), range(p)) and len(columns) == true_rank


def test_a_prime_that_misleads_is_noticed(monkeypatch):
    monkeypatch.setattr(rooms, "_PRIME", 7)
    for rows in ([[7, 1, 0], [0, 1, 3]], [[7, 0], [0, 1]], [[7, 14]]):
        A = fmpq_mat(rows)
        H, columns = row_space(A)
        assert len(columns) == H.nrows() == A.rank()
        assert part_of(A, range(A.nrows()), columns) * H == A
