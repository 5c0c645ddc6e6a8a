"""Reads faces.parquet and faces.npz with pyarrow and NumPy, and writes what they contain to expected.json.

The two files are written by the test `tables_are_read_by_pyarrow_and_numpy` of tests/exports.rs with LIKENESS_WRITE_TABLES=1.
"""

import json
import math

import numpy
import pyarrow
import pyarrow.parquet


def plain(value):
    """JSON has no NaN: a missing number is null."""
    return None if isinstance(value, float) and math.isnan(value) else value


def parquet():
    file = pyarrow.parquet.ParquetFile("faces.parquet")
    table = file.read()
    table.validate(full=True)
    facts = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    return {
        "schema": [f"{field.name}: {field.type}" for field in table.schema],
        "row_groups": file.metadata.num_row_groups,
        "created_by": file.metadata.created_by,
        "facts": facts,
        "columns": table.to_pydict(),
    }


def npz():
    with numpy.load("faces.npz", allow_pickle=False) as arrays:
        return {
            name: {
                "type": array.dtype.str,
                "shape": list(array.shape),
                "values": [plain(value) for value in array.ravel().tolist()],
            }
            for name, array in arrays.items()
        }


with open("expected.json", "w", encoding="utf-8") as out:
    json.dump({"parquet": parquet(), "npz": npz()}, out, indent=1, ensure_ascii=False, sort_keys=True)
    out.write("\n")
