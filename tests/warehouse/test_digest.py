"""The content digest follows the meaning of a table, and every change of the meaning."""

from __future__ import annotations

import itertools
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.digest import describe_files, parquet_digest, table_digest

TYPES = {
    "int": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "float": (pa.float64(), st.floats(allow_nan=False)),
    "bool": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.text(max_size=6)),
    "bytes": (pa.binary(), st.binary(max_size=6)),
    "list": (pa.list_(pa.int16()), st.lists(st.none() | st.integers(-9, 9), max_size=4)),
    "texts": (pa.list_(pa.string()), st.lists(st.none() | st.text(max_size=3), max_size=3)),
    "struct": (
        pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))]),
        st.fixed_dictionaries(
            {"a": st.none() | st.integers(-9, 9), "b": st.none() | st.lists(st.text(max_size=2), max_size=2)}
        ),
    ),
    "map": (
        pa.map_(pa.string(), pa.int64()),
        st.dictionaries(st.text(max_size=2), st.none() | st.integers(0, 9), max_size=3).map(
            lambda d: list(d.items())
        ),
    ),
    "null": (pa.null(), st.none()),
}


@st.composite
def tables(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(TYPES)) -> pa.Table:
    rows = draw(st.integers(0, 12))
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    columns = [
        pa.array(
            draw(st.lists(st.none() | TYPES[kind][1], min_size=rows, max_size=rows)), type=TYPES[kind][0]
        )
        for kind in chosen
    ]
    return pa.table(columns, names=[f"c{at}" for at in range(len(columns))])


def digest(table: pa.Table, cuts: list[int] = []) -> str:  # noqa: B006 - never changed
    bounds = [0, *sorted(min(cut, len(table)) for cut in cuts), len(table)]
    batches = [
        batch
        for start, end in itertools.pairwise(bounds)
        for batch in table.slice(start, end - start).to_batches()
    ]
    return table_digest(table.schema, batches)


def encoded_otherwise(table: pa.Table) -> pa.Table:
    """The same values in other Arrow types."""
    columns = []
    for column in table.columns:
        column = column.combine_chunks()
        if pa.types.is_string(column.type):
            column = column.dictionary_encode()
        elif pa.types.is_binary(column.type):
            column = column.cast(pa.large_binary())
        elif pa.types.is_list(column.type) and not pa.types.is_string(column.type.value_type):
            column = column.cast(pa.large_list(column.type.value_type))
        columns.append(column)
    return pa.table(columns, names=table.column_names)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
@given(tables(), st.lists(st.integers(0, 12), max_size=4))
def test_cutting_a_table_into_pieces_changes_nothing(table: pa.Table, cuts: list[int]) -> None:
    assert digest(table, cuts) == digest(table)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(tables(), st.sampled_from(["none", "zstd", "snappy"]), st.integers(1, 5), st.booleans(), st.booleans())
def test_how_the_file_is_written_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    table: pa.Table,
    compression: str,
    rows: int,
    dictionary: bool,
    arrow_schema: bool,
) -> None:
    path = tmp_path_factory.mktemp("digest") / "t.parquet"
    pq.write_table(table, path)
    plain = parquet_digest(path)
    pq.write_table(
        table,
        path,
        compression=compression,
        row_group_size=rows,
        use_dictionary=dictionary,
        store_schema=arrow_schema or not all(is_kept_by_parquet(field.type) for field in table.schema),
        data_page_version="2.0" if dictionary else "1.0",
    )
    assert parquet_digest(path) == plain == digest(table)


def is_kept_by_parquet(kind: pa.DataType) -> bool:
    """Whether Parquet alone, without the stored Arrow schema, gives the type back."""
    return not pa.types.is_null(kind)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
@given(tables(kinds=("int", "text", "bytes", "list", "bool")))
def test_the_encoding_in_memory_changes_nothing(table: pa.Table) -> None:
    assert digest(encoded_otherwise(table)) == digest(table)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
@given(tables(), tables())
def test_different_tables_have_different_digests(one: pa.Table, other: pa.Table) -> None:
    # Compared as text because NaN is excluded and -0.0 differs from 0.0 in both.
    same = one.schema.equals(other.schema) and repr(one.to_pylist()) == repr(other.to_pylist())
    assert (digest(one) == digest(other)) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([["ab", "c"]], [["a", "bc"]]),
        ([["a", None]], [["a", ""]]),
        ([[[1], [2, 3]]], [[[1, 2], [3]]]),
        ([[[], None]], [[None, []]]),
        ([[[None]]], [[[]]]),
        ([[0.0]], [[-0.0]]),
        ([[1], [2]], [[2], [1]]),
    ],
)
def test_near_misses(one: list[list[object]], other: list[list[object]]) -> None:
    names = ["a", "b"][: len(one)]
    types = [pa.array(column).type for column in one]
    first = pa.table([pa.array(c, type=t) for c, t in zip(one, types, strict=True)], names=names)
    second = pa.table([pa.array(c, type=t) for c, t in zip(other, types, strict=True)], names=names)
    assert digest(first) != digest(second)


def test_names_and_types_count() -> None:
    table = pa.table({"a": pa.array([1], pa.int32())})
    assert digest(table) != digest(table.rename_columns(["b"]))
    assert digest(table) != digest(pa.table({"a": pa.array([1], pa.int64())}))
    assert digest(table) != digest(pa.table({"a": pa.array([1], pa.uint32())}))
    assert digest(pa.table({"t": pa.array([1], pa.timestamp("us"))})) != digest(
        pa.table({"t": pa.array([1], pa.timestamp("ms"))})
    )


def test_what_lies_under_a_null_does_not_count() -> None:
    validity = pa.array([True, False]).buffers()[1]
    arrays = [
        pa.Array.from_buffers(pa.int32(), 2, [validity, pa.array([7, hidden], pa.int32()).buffers()[1]])
        for hidden in (0, 99)
    ]
    assert digest(pa.table({"a": arrays[0]})) == digest(pa.table({"a": arrays[1]}))


def test_the_digest_is_fixed() -> None:
    """A change of this value makes every recorded content digest unverifiable: it may never happen by accident."""
    table = pa.table({"word": [b"a", b"bc", None], "count": [3, 2, None], "tags": [["x"], [], None]})
    assert digest(table) == "6e6a6c133e2a8f62825cfe4b0e7e4f4a7e61925410e10d695ef990211ab88efb"


def test_a_type_without_digest_is_refused() -> None:
    with pytest.raises(ValueError, match="month_day_nano_interval has no logical digest"):
        digest(pa.table({"a": pa.array([None], pa.month_day_nano_interval())}))


def test_folder_description(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.json").write_text("{}")
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "sub" / "a.parquet", compression="zstd")
    files, first = describe_files(tmp_path)
    assert (files[0].path, files[0].bytes) == ("b.json", 2)
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "sub" / "a.parquet", compression="none")
    changed, second = describe_files(tmp_path)
    assert second == first  # the same table
    assert changed[1].sha256 != files[1].sha256  # in other bytes
    (tmp_path / "b.json").rename(tmp_path / "c.json")
    assert describe_files(tmp_path)[1] != first


def test_links_and_reserved_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="symbolic link, link"):
        describe_files(tmp_path)
    (tmp_path / "link").unlink()
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match=r"README\.md"):
        describe_files(tmp_path)
