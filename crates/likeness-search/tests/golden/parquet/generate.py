"""Writes small Parquet files of embeddings with pyarrow, pandas and polars, in every form that is read, and in some that are
rejected.

All hold the same three embeddings of 9 values, multiples of 1/64, which 16-bit floats represent exactly.
"""

import json

import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet as parquet

VALUES = (numpy.arange(27).reshape(3, 9) * 7 % 29 - 14) / 64
NAMES = ["ann 1.jpg", "Zoë.jpg", "ann 2.jpg"]
LABELS = ["ann", None, "ann"]
COLUMNS = [f"e{i}" for i in range(9)]


def lists(kind, values=VALUES):
    return pyarrow.array([None if row is None else [float(v) for v in row] for row in values], pyarrow.list_(kind))


def write(name, columns, **keywords):
    parquet.write_table(pyarrow.table(columns), name, **keywords)


def main():
    named = {"path": NAMES, "label": LABELS}
    floats = VALUES.astype("float32")
    for compression in ["none", "snappy", "gzip", "zstd"]:
        write(f"list_{compression}.parquet", {**named, "embedding": lists(pyarrow.float32())}, compression=compression)
    write("list_double.parquet", {**named, "embedding": lists(pyarrow.float64())}, data_page_version="2.0")
    write("list_half.parquet", {**named, "vector": pyarrow.array(
        [[numpy.float16(v) for v in row] for row in VALUES], pyarrow.list_(pyarrow.float16()))})
    flat = pyarrow.array(floats.ravel())
    write("fixed_size.parquet", {**named, "embedding": pyarrow.FixedSizeListArray.from_arrays(flat, 9)})
    # One row group for each row, without dictionaries, with a group of columns as pandas users have it.
    split = {name: floats[:, i] for i, name in enumerate(COLUMNS)}
    write("columns.parquet", {**split, **named, "note": ["a", "b", None]}, row_group_size=1, use_dictionary=False)
    write("byte_stream_split.parquet", {**split, **named}, use_dictionary=False, column_encoding={
        name: "BYTE_STREAM_SPLIT" for name in COLUMNS})
    structure = pyarrow.StructArray.from_arrays([pyarrow.array(floats[:, i]) for i in range(9)], COLUMNS)
    write("structure.parquet", {**named, "encoding": structure})
    text = {name: [str(v) for v in floats[:, i]] for i, name in enumerate(COLUMNS)}
    write("numbers_as_text.parquet", {**text, **named})
    write("dictionary.parquet", {
        "file": pyarrow.array(NAMES).dictionary_encode(), "person": pyarrow.array(LABELS).dictionary_encode(),
        "embedding": lists(pyarrow.float32())})

    frame = pandas.DataFrame(floats, columns=COLUMNS)
    frame.insert(0, "name", NAMES)
    frame["label"] = pandas.array([7, None, 7], dtype="Int64")
    frame.to_parquet("pandas.parquet")
    pandas.DataFrame({"name": NAMES, "label": [7.0, None, 7.0], "embedding": list(floats)}).to_parquet(
        "pandas_lists.parquet", index=False)
    polars.DataFrame({"name": NAMES, "label": [7, None, 7], "embedding": floats}).write_parquet("polars.parquet")
    polars.DataFrame({"name": NAMES, "label": [7, None, 7], "embedding": floats.tolist()}).write_parquet(
        "polars_lists.parquet", compression="snappy")

    # A photo without a face.
    write("missing_row.parquet", {**named, "embedding": lists(pyarrow.float32(), [None, VALUES[0], VALUES[1]])})
    # Rejected.
    write("photos.parquet", {"path": NAMES, "label": [1, 2, 3], "width": [1.5, 2.5, 3.5]})
    write("ragged.parquet", {**named, "embedding": lists(pyarrow.float32(), [VALUES[0], VALUES[1], VALUES[2][:8]])})
    nan = VALUES.copy()
    nan[1, 4] = numpy.nan
    write("nan.parquet", {**named, "embedding": lists(pyarrow.float32(), nan)})
    missing = [[float(v) for v in row] for row in VALUES]
    missing[2][1] = None
    write("missing_value.parquet", {**named, "embedding": pyarrow.array(missing, pyarrow.list_(pyarrow.float32()))})
    write("two_lists.parquet", {**named, "a": lists(pyarrow.float32()), "b": lists(pyarrow.float32())})
    text["e3"] = ["0.5", "a half", "0.5"]
    write("words.parquet", {**text, **named})
    write("list_as_text.parquet", {**named, "embedding": [str(row.tolist()) for row in VALUES]})
    write("no_rows.parquet", {
        "path": pyarrow.array([], pyarrow.string()), "embedding": pyarrow.array([], pyarrow.list_(pyarrow.float32()))})
    # 20 million values in a few kilobytes.
    write("large.parquet", {
        f"e{i}": pyarrow.array(numpy.full(2_500_000, 0.5, "float32")) for i in range(8)}, row_group_size=10_000_000,
        compression="zstd", data_page_size=1 << 26)

    with open("expected.json", "w") as file:
        json.dump({"values": VALUES.ravel().tolist(), "names": NAMES, "labels": [l or "" for l in LABELS]}, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
