"""The time line of a shard and the moments marked on it, held against plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitors.draws import Draws, newest_at
from monitors.rules.moments import Rows, distinct

DAY = 86_400_000_000
PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=30)  # (patient, day)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rank, day = (np.array([pair[place] for pair in pairs], dtype=np.int64) for place in (0, 1))
    return rank, day * DAY, day


@given(PAIRS)
def test_every_row_has_its_place_on_the_time_line(pairs: list[tuple[int, int]]) -> None:
    rank, at, day = columns(pairs)
    draws, place = Draws.of(rank, at, day)
    assert list(zip(draws.rank.tolist(), draws.day.tolist(), strict=True)) == sorted(set(pairs))
    assert [(int(draws.rank[one]), int(draws.at[one])) for one in place] == list(zip(rank.tolist(), at.tolist(), strict=True))


@given(PAIRS, PAIRS)
def test_the_newest_row_is_the_patients_last_one_so_far(rows: list[tuple[int, int]], wanted: list[tuple[int, int]]) -> None:
    rows, wanted = sorted(rows), sorted(wanted)
    found = newest_at(*columns(rows)[:2], *columns(wanted)[:2]).tolist()
    expected = [max((n for n, (who, when) in enumerate(rows) if who == rank and when <= day), default=-1) for rank, day in wanted]
    assert found == expected


@given(PAIRS, st.sets(st.integers(0, 29)), PAIRS)
def test_moments_are_some_draws_and_other_days_each_once_and_in_order(
    drawn: list[tuple[int, int]], looked_at: set[int], turning: list[tuple[int, int]]
) -> None:
    draws, place = Draws.of(*columns(drawn))
    some = [number for number in sorted(looked_at) if number < len(drawn)]
    rank, at, day = columns(turning)
    moments, marked = distinct(place[some], Rows(rank, at, day, np.zeros(len(rank), dtype=bool)), draws)
    expected = sorted({drawn[number] for number in some} | set(turning))
    assert list(zip(moments.rank.tolist(), moments.day.tolist(), strict=True)) == expected
    assert marked.tolist() == [moment in {drawn[number] for number in some} for moment in expected]
    line = sorted(set(drawn))
    last = [max((n for n, (who, when) in enumerate(line) if who == rank and when <= day), default=-1) for rank, day in expected]
    assert moments.draw.tolist() == last
