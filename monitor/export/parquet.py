"""A table as Parquet, in pieces of bytes: typed columns, the units in the metadata."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.extras import need
from monitor.export.tables import Column, Table


class _Pipe:
    """What a writer takes for a file; the bytes are taken out at the other end."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """More of the file."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """The file is whole."""

    def take(self) -> bytes:
        """What has been written since."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def write(table: Table) -> Iterator[bytes]:
    """One row group a piece. Raises MissingExtra at once where pyarrow is not installed."""
    arrow, parquet = need("pyarrow", "parquet"), need("pyarrow.parquet", "parquet")
    return _write(table, arrow, parquet)


def _write(table: Table, arrow: Any, parquet: Any) -> Iterator[bytes]:
    schema = arrow.schema([_field(arrow, column) for column in table.columns], metadata=table.about)
    pipe = _Pipe()
    writer = parquet.ParquetWriter(arrow.PythonFile(pipe, mode="w"), schema, compression="zstd")
    for piece in table.pieces:
        columns = [_array(arrow, field, content) for field, content in zip(schema, piece, strict=True)]
        writer.write_table(arrow.Table.from_arrays(columns, schema=schema))
        yield pipe.take()
    writer.close()
    yield pipe.take()


def _field(arrow: Any, column: Column) -> Any:
    kinds = {
        "time": arrow.timestamp("ms", "UTC"),
        "whole": arrow.int64(),
        "number": arrow.float64(),
        "text": arrow.string(),
    }
    return arrow.field(
        column.name, kinds[column.kind], metadata={"unit": column.unit} if column.unit else None
    )


def _array(arrow: Any, field: Any, content: Any) -> Any:
    if isinstance(content, np.ndarray):
        made = arrow.array(content, from_pandas=True)  # NaN is nothing
        return made if made.type == field.type else made.cast(field.type)
    if field.type == arrow.string():
        content = [None if one is None else str(one).encode("utf-8", "replace").decode() for one in content]
    return arrow.array(content, field.type, from_pandas=True)
