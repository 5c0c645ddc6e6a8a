"""Writes the expected values beside this file; the pictures are made from the formulas in `picture`."""

import hashlib
import pathlib

import cv2
import numpy as np
from skimage.feature import hog, local_binary_pattern

HERE = pathlib.Path(__file__).parent
FULL, SMALL = (128, 128), (40, 33)  # width, height
NAMES = ["gradient", "noise", "checkers", "constant", "colors", "rings"]
PALETTE = [
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255), (0, 0, 0), (255, 255, 255),
    (1, 0, 0), (255, 254, 255), (255, 0, 1), (255, 0, 4), (128, 128, 127), (3, 200, 199), (90, 0, 180),
]


def picture(name, size):
    """An RGB picture of `size` from whole-number formulas, wrapping at 32 bits."""
    width, height = size
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    if name == "gradient":
        values = [x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 255 // (width + height - 2)]
        picture = np.choose(c, values)
    elif name == "noise":
        h = (x * 374761393 + y * 668265263 + c * 2246822519) & 0xFFFFFFFF
        h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
        picture = (h ^ (h >> 16)) & 255
    elif name == "checkers":
        light = (x // 12 + y // 12) % 2
        picture = np.where(light, np.array([240, 230, 20])[c], np.array([30, 60, 200])[c])
    elif name == "constant":
        picture = np.array([90, 120, 60])[c]
    elif name == "colors":
        picture = np.array(PALETTE)[(x // 9 + y // 7 * 4) % len(PALETTE), c]
    elif name == "rings":
        picture = ((x - 20) ** 2 + (y - 15) ** 2) // 97 % 7 * 36 + c * 9
    return np.ascontiguousarray(picture.astype(np.uint8))


def region_counts(size, grid):
    width, height = size
    for i in range(grid):
        for j in range(grid):
            yield slice(i * height // grid, (i + 1) * height // grid), slice(j * width // grid, (j + 1) * width // grid)


def color(rgb, size, grid=4, bins=(8, 4, 4)):
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    ranges = [0, 180, 0, 256, 0, 256]
    parts = [np.ascontiguousarray(hsv[region]) for region in region_counts(size, grid)]
    return np.concatenate([cv2.calcHist([p], [0, 1, 2], None, list(bins), ranges).ravel() for p in parts])


def texture(grey, size, grid=5, radius=2):
    codes = local_binary_pattern(grey, 8, radius, "nri_uniform").astype(int)
    return np.concatenate([np.bincount(codes[r].ravel(), minlength=59) for r in region_counts(size, grid)])


def edge(grey, cell):
    return hog(grey, orientations=9, pixels_per_cell=(cell, cell), cells_per_block=(2, 2), block_norm="L2-Hys")


def write(name, values, dtype):
    np.asarray(values).astype(dtype).tofile(HERE / name)


def all_colors():
    """SHA-256 of OpenCV's HSV and grey of all colours, red changing slowest."""
    hsv, grey = hashlib.sha256(), hashlib.sha256()
    g, b = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    for r in range(256):
        rgb = np.stack([np.full_like(g, r), g, b], -1).astype(np.uint8)
        hsv.update(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV).tobytes())
        grey.update(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).tobytes())
    return f"hsv {hsv.hexdigest()}\ngrey {grey.hexdigest()}\n"


def bins_of(bins, end):
    """The bin `calcHist` puts each value below `end` into."""
    values = np.arange(end, dtype=np.uint8)
    return [cv2.calcHist([np.full((1, 1), v, np.uint8)], [0], None, [bins], [0, end]).argmax() for v in values]


digests = all_colors()
for name in NAMES:
    rgb, small = picture(name, FULL), picture(name, SMALL)
    grey, small_grey = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (rgb, small))
    digests += f"{name} {hashlib.sha256(rgb.tobytes()).hexdigest()}\n"
    write(f"{name}.color.u16", color(rgb, FULL), "<u2")
    write(f"{name}.edge.f32", edge(grey, 16), "<f4")
    write(f"{name}.edge8.f32", edge(small_grey, 8), "<f4")
    write(f"{name}.texture.u16", texture(grey, FULL), "<u2")
    for radius in (1, 2, 3):
        write(f"{name}.codes{radius}.u8", local_binary_pattern(small_grey, 8, radius, "nri_uniform"), "u1")
write("bins.u8", sum((bins_of(b, e) for e in (180, 256) for b in (3, 4, 6, 8, 12, 16)), []), "u1")
(HERE / "sha256.txt").write_text(digests)
