"""Seconds of fits with a proof, of the dense relaxation and of one local search.

Not part of `make test`. To run: python -m pytest benchmarks/bench_fit.py --benchmark-only
"""

from itertools import count

import pytest
from cases import LAWS, SOLVERS, TABLES, dense_relaxation, descend, proven_fit, table_case

laws = pytest.mark.parametrize("law", LAWS)


@pytest.mark.parametrize("row", [1, 5])
@laws
@pytest.mark.parametrize("table", TABLES)
def test_proven_fit(benchmark, table, law, row):
    benchmark.group = f"Table {table}, row {row}, W {law}"
    case = table_case(table, row, law, seed=0)
    found = benchmark.pedantic(proven_fit, case, rounds=3, warmup_rounds=1)
    benchmark.extra_info |= {"status": str(found.status), "gap": found.gap}
    assert found.certified


@pytest.mark.parametrize("row", [1, 5])
@laws
@pytest.mark.parametrize("table", TABLES)
def test_local_search(benchmark, table, law, row):
    benchmark.group = f"Table {table}, row {row}, W {law}"
    case, seeds = table_case(table, row, law, seed=0), count()
    benchmark.pedantic(descend, setup=lambda: ((*case, next(seeds)), {}), rounds=10)


@pytest.mark.parametrize("solver", SOLVERS)
@laws
@pytest.mark.parametrize("table", [1, 2])
def test_dense_order_3(benchmark, table, law, solver):
    benchmark.group = f"Table {table}, row 1, W {law}"
    case = table_case(table, 1, law, seed=0)
    benchmark.extra_info |= benchmark.pedantic(dense_relaxation, (*case, solver))
