"""The store's content as files for other programs: CSV and Parquet, piece by piece, so that a year fits."""
