"""Parquet as history: its columns mean what the same columns of a CSV file would, so it is read as one."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.csvfile import read_csv
from edge.errors import RecordingError
from edge.extras import need
from edge.recording import Recording


def from_parquet(path: Path, repair: bool) -> Recording:
    """The series in a Parquet file. Raises RecordingError, and MissingExtra without pyarrow."""
    arrow, parquet, text = (need(name, "parquet") for name in ("pyarrow", "pyarrow.parquet", "pyarrow.csv"))
    with TemporaryDirectory() as folder:
        copy = Path(folder) / f"{path.stem}.csv"
        try:
            with parquet.ParquetFile(path) as file, text.CSVWriter(copy, file.schema_arrow) as writer:
                for batch in file.iter_batches():
                    writer.write_batch(batch)
        except FileNotFoundError as error:
            raise RecordingError(f"{path}: no such file") from error
        except (arrow.ArrowException, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise RecordingError(f"{path}: cannot be read as Parquet: {reason}") from error
        try:
            return replace(read_csv(copy, repair=repair), name=path.stem)
        except RecordingError as error:
            raise RecordingError(str(error).replace(str(copy), str(path))) from error
