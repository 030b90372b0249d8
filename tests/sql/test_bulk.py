"""What goes in through COPY comes out the same, and large reads come out in numpy's types."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from monitors import columnar
from monitors.database import Database, Role, copy_frame

SCRATCH = """CREATE TEMP TABLE scratch (n bigint, text text, number float8, at timestamptz, day date,
             yes boolean) ON COMMIT DROP"""


def test_text_survives_exactly_and_empty_is_not_null(database: Database) -> None:
    texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    awkward = st.sampled_from(
        ['"', "\\.", "\\N", "NULL", "", ",", "\r\n", "\n\\.\n", "a\tb", " ", "'", "é", "\ufeff"]
    )

    @hypothesis_settings(deadline=None, max_examples=30)
    @given(st.lists(st.none() | awkward | texts, min_size=1))
    def survive(values: list[str | None]) -> None:
        frame = pd.DataFrame({"text": pd.Series(values, dtype=object), "n": range(len(values))})
        assert _there_and_back(database, frame, "text") == values

    survive()


def test_numbers_survive_to_the_last_bit(database: Database) -> None:
    @hypothesis_settings(deadline=None, max_examples=30)
    @given(st.lists(st.floats(allow_nan=False), min_size=1))
    def survive(values: list[float]) -> None:
        frame = pd.DataFrame({"number": np.array(values), "n": range(len(values))})
        assert np.array(_there_and_back(database, frame, "number")).tobytes() == np.array(values).tobytes()

    survive()


def test_times_survive_to_the_microsecond_whatever_their_zone(database: Database) -> None:
    at = pd.Series(
        [pd.Timestamp("2026-03-29 00:59:59.999999", tz="UTC"), pd.Timestamp("1970-01-01", tz="UTC"), pd.NaT]
    )
    frame = pd.DataFrame({"at": at.dt.tz_convert("Europe/London"), "n": range(3)})
    assert _there_and_back(database, frame, "at") == [
        dt.datetime(2026, 3, 29, 0, 59, 59, 999999, dt.UTC), dt.datetime(1970, 1, 1, tzinfo=dt.UTC), None,
    ]  # fmt: skip


def test_a_session_that_left_utc_writes_nothing(database: Database) -> None:
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(SCRATCH))
        connection.execute(sa.text("SET LOCAL TimeZone = 'Europe/London'"))
        with pytest.raises(ValueError, match="left UTC"):
            copy_frame(connection, "scratch", pd.DataFrame({"n": [1]}))


@pytest.mark.parametrize(("column", "values", "read"), [
    ("number", [np.nan, 1.5], [None, 1.5]),
    ("n", pd.array([2**62, None], dtype="Int64"), [2**62, None]),
    ("yes", [True, None], [True, None]),
    ("day", [dt.date(2026, 1, 5), None], [dt.date(2026, 1, 5), None]),
    ("text", pd.Categorical(["pre", None]), ["pre", None]),
    ("text", [None, None], [None, None]),
])  # fmt: skip
def test_missing_becomes_null(database: Database, column: str, values: list, read: list) -> None:
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(SCRATCH))
        assert copy_frame(connection, "scratch", pd.DataFrame({column: values})) == 2
        assert (
            connection.execute(sa.text(f"SELECT {column} FROM scratch ORDER BY ctid")).scalars().all() == read
        )


def test_columns_go_by_name_and_an_empty_frame_writes_nothing(database: Database) -> None:
    frame = pd.DataFrame({"text": ["a"], "n": [1]})
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(SCRATCH))
        assert copy_frame(connection, "pg_temp.scratch", frame) == 1
        assert copy_frame(connection, "scratch", frame.iloc[:0]) == 0
        assert connection.execute(sa.text("SELECT n, text FROM scratch")).all() == [(1, "a")]


@pytest.mark.parametrize(("frame", "problem", "sentence"), [
    ({"text": ["a\0b"]}, ValueError, "text for scratch holds a NUL"),
    ({"text": [["a", "b"]]}, TypeError, "takes as text only"),
    ({"at": [dt.datetime(2026, 1, 5)]}, TypeError, "Times in column at have no zone"),  # noqa: DTZ001
])  # fmt: skip
def test_what_cannot_be_written_says_so(
    database: Database, frame: dict, problem: type[Exception], sentence: str
) -> None:
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(SCRATCH))
        with pytest.raises(problem, match=sentence):
            copy_frame(connection, "scratch", pd.DataFrame(frame))


def test_a_large_read_is_of_numpys_types(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = """SELECT CAST(n AS bigint) AS key, :minus AS less, n / 2.0::float8 AS half,
                          NULL::float8 AS none, :night AS night, :yes AS yes, 'x' AS text,
                          NULLIF(n, 1)::bigint AS maybe, current_setting('TimeZone') AS zone,
                          TIMESTAMPTZ '2026-01-05 04:00+01' AS at FROM generate_series(1, 2) n"""
    monkeypatch.setattr("monitors.database._text", lambda name: statement)
    frame = database.frame(Role.READER, "any", minus=-(2**40), night=dt.date(2026, 1, 5), yes=np.bool_(True))
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "key": "int64", "less": "int64", "half": "float64", "none": "float64", "night": "datetime64[s]",
        "yes": "bool", "text": "object", "maybe": "float64", "zone": "object", "at": "datetime64[us, UTC]",
    }  # fmt: skip
    assert frame.drop(columns="none").iloc[1].to_dict() == {
        "key": 2, "less": -(2**40), "half": 1.0, "night": pd.Timestamp("2026-01-05"), "yes": True,
        "text": "x", "maybe": 2.0, "zone": "UTC", "at": pd.Timestamp("2026-01-05 03:00Z"),
    }  # fmt: skip


@pytest.mark.parametrize(("value", "written"), [
    (5, "(5)"), (-5, "(-5)"), (np.int64(2**40), f"({2**40})"), (True, "TRUE"),
    (dt.date(2026, 1, 5), "DATE '2026-01-05'"),
])  # fmt: skip
def test_parameters_are_written_in(value: object, written: str) -> None:
    assert (
        columnar.filled("any", "SELECT :x::bigint, a::x", {"x": value}) == f"SELECT {written}::bigint, a::x"
    )


@pytest.mark.parametrize("values", [
    {"x": "1; DROP TABLE results"}, {"x": 1.5}, {"x": None}, {"x": dt.datetime(2026, 1, 5, tzinfo=dt.UTC)},
    {}, {"x": 1, "y": 2},
])  # fmt: skip
def test_other_parameters_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=r"sql/any\.sql"):
        columnar.filled("any", "SELECT :x", values)


def _there_and_back(database: Database, frame: pd.DataFrame, column: str) -> list:
    with database.begin(Role.PIPELINE) as connection:
        connection.execute(sa.text(SCRATCH))
        copy_frame(connection, "scratch", frame)
        return list(connection.execute(sa.text(f"SELECT {column} FROM scratch ORDER BY n")).scalars())
