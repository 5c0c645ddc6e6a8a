"""Writes small files of embeddings with NumPy, in every form that is read, and in some that are rejected.

All hold the same three embeddings of 9 values, multiples of 1/64, which 16-bit floats represent exactly.
"""

import json
import zipfile

import numpy
from numpy.lib import format as npy

VALUES = (numpy.arange(27).reshape(3, 9) * 7 % 29 - 14) / 64
NAMES = ["ann 1.jpg", "Zoë.jpg", "ann 2.jpg"]
LABELS = ["ann", "", "ann"]


def write(name, array, version=None):
    with open(name, "wb") as file:
        npy.write_array(file, array, version=version, allow_pickle=True)


class Deterministic(zipfile.ZipFile):
    """An archive whose entries have no date, so that equal arrays give equal bytes."""

    def open(self, name, mode="r", **keywords):
        if mode == "w" and isinstance(name, str):
            name = zipfile.ZipInfo(name)
            name.compress_type = self.compression
        return super().open(name, mode, **keywords)


def write_archive(name, compression, **arrays):
    # numpy.savez stores the date of today.
    with Deterministic(name, "w", compression) as archive:
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as file:
                npy.write_array(file, numpy.asarray(array), allow_pickle=True)


def main():
    for kind in ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"]:
        order = {"<": "little", ">": "big"}[kind[0]]
        write(f"{kind[1:]}_{order}.npy", VALUES.astype(kind))
    write("fortran.npy", numpy.asfortranarray(VALUES.astype("<f4")))
    write("version_2.npy", VALUES.astype("<f4"), (2, 0))
    write("version_3.npy", VALUES.astype("<f4"), (3, 0))
    write("one_row.npy", VALUES[0].astype("<f4"))
    write("objects.npy", numpy.array(list(VALUES), dtype=object))
    write("named_fields.npy", numpy.zeros(3, dtype=[("a", "<f4")]))
    write("integers.npy", numpy.ones((3, 9), dtype="<i4"))

    stored, deflated = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
    write_archive("named.npz", stored, encodings=VALUES, names=NAMES, labels=LABELS)
    write_archive(
        "compressed.npz",
        deflated,
        names=numpy.array([name.encode() for name in NAMES]),
        ids=numpy.array([7, -1, 7], dtype=">i2"),
        arr_0=VALUES.astype("<f4"),
    )
    write_archive("big_endian.npz", deflated, embeddings=VALUES.astype(">f4"), files=numpy.array(NAMES, dtype=">U9"))
    write_archive("two_matrices.npz", deflated, a=VALUES, b=VALUES)
    write_archive("object_names.npz", deflated, embeddings=VALUES, names=numpy.array(NAMES, dtype=object))

    numpy.savetxt("values.csv", VALUES, delimiter=",")
    with open("lines.csv", "w", encoding="utf-8") as file:
        for name, row in zip(NAMES, VALUES):
            print(name, *row, sep=",", file=file)
    with open("expected.json", "w", encoding="utf-8") as file:
        json.dump({"values": VALUES.ravel().tolist(), "names": NAMES, "labels": LABELS}, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
