"""Does the work of `likeness prepare` on a CelebA collection, with a Pillow loop in two processes.

Run: python prepare.py COLLECTION OUTPUT COMPRESS_LEVEL   (-1 for Pillow's default)
"""

import multiprocessing
import os
import pathlib
import sys

from PIL import Image, ImageOps

PROCESSES, SIZE = 2, 224
collection, output, level = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
options = {} if level < 0 else {"compress_level": level}


def prepare(name):
    with Image.open(collection / "images" / name) as photo:
        upright = ImageOps.exif_transpose(photo).convert("RGB")
    side = min(upright.size)
    left, top = (upright.width - side) / 2, (upright.height - side) / 2
    box = (left, top, left + side, top + side)
    face = upright.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box)
    face.save(output / "faces" / (os.path.splitext(name)[0] + ".png"), **options)


if __name__ == "__main__":
    (output / "faces").mkdir(parents=True)
    rows = [line.split() for line in (collection / "identity_CelebA.txt").read_text().splitlines() if line.strip()]
    with multiprocessing.Pool(PROCESSES) as pool:
        for _ in pool.imap_unordered(prepare, [name for name, _ in rows], chunksize=16):
            pass
        pool.close()
        pool.join()
    labels = "".join(f"{os.path.splitext(name)[0]}.png {identity}\n" for name, identity in rows)
    (output / "labels.txt").write_text(labels)
