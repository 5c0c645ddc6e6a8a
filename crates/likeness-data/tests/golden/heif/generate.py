"""Makes the HEIC and AVIF files of this folder from a drawn picture; README.md has the versions.

Run: python generate.py, with Pillow, and with heif-enc in the path.
"""

import pathlib
import struct
import subprocess
import tempfile
import zlib

from PIL import Image

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 96, 64
# Top left, top right, bottom left, bottom right.
COLOURS = [(200, 40, 30), (30, 160, 60), (20, 60, 220), (230, 200, 40)]


def picture():
    """Four parts of one colour each."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for part, colour in enumerate(COLOURS):
        left, top = part % 2 * WIDTH // 2, part // 2 * HEIGHT // 2
        image.paste(colour, (left, top, left + WIDTH // 2, top + HEIGHT // 2))
    return image


def deep_png(path):
    """The picture as a PNG with 16 bits per channel, which Pillow does not write."""
    rows = b"".join(
        b"\0" + b"".join(struct.pack(">H", 257 * v) for v in picture().crop((0, y, WIDTH, y + 1)).tobytes())
        for y in range(HEIGHT)
    )

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def encode(source, target, *options):
    subprocess.run(["heif-enc", "-q", "90", *options, str(source), "-o", str(HERE / target)], check=True)


def boxes(data, start, end):
    """The boxes in data[start:end] as (kind, start, length of the head, end)."""
    while start < end:
        (size,) = struct.unpack_from(">I", data, start)
        yield data[start + 4 : start + 8], start, 8, start + size
        start += size


def find(data, *path):
    """The box with this path, as (start, end)."""
    start, end = 0, len(data)
    for kind in path:
        found = next(b for b in boxes(data, start, end) if b[0] == kind)
        box, start, end = found[1], found[1] + found[2], found[3]
        if kind == b"meta":
            start += 4  # version and flags
    return box, end


def turn(source, target, quarter_turns):
    """Adds the property `irot` (counterclockwise quarter turns) to the only item of an encoded file."""
    data = bytearray((HERE / source).read_bytes())
    box, end = find(data, b"meta", b"iprp", b"ipco")
    properties = sum(1 for _ in boxes(data, box + 8, end))
    added = 0

    def insert(path, at, new):
        nonlocal added
        data[at:at] = new
        added += len(new)
        for depth in range(1, len(path) + 1):
            box, _ = find(data, *path[:depth])
            (size,) = struct.unpack_from(">I", data, box)
            struct.pack_into(">I", data, box, size + len(new))

    path = (b"meta", b"iprp", b"ipma")
    box, end = find(data, *path)
    assert data[box + 8 : box + 16] == bytes([0, 0, 0, 0, 0, 0, 0, 1]), "ipma of version 0 with one item"
    data[box + 18] += 1
    insert(path, end, bytes([0x80 | (properties + 1)]))
    path = (b"meta", b"iprp", b"ipco")
    _, end = find(data, *path)
    insert(path, end, struct.pack(">I", 9) + b"irot" + bytes([quarter_turns]))
    # The pixels moved, so the base offset in `iloc` (version 0: sizes, count, item, reference, base offset) grows.
    box, _ = find(data, b"meta", b"iloc")
    assert data[box + 8 : box + 16] == bytes([0, 0, 0, 0, 0x44, 0x40, 0, 1]), "iloc of version 0 with one item"
    (offset,) = struct.unpack_from(">I", data, box + 20)
    struct.pack_into(">I", data, box + 20, offset + added)
    (HERE / target).write_bytes(data)


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    plain, deep, clear, tagged = (folder / n for n in ("plain.png", "deep.png", "clear.png", "exif.jpg"))
    picture().save(plain)
    deep_png(deep)
    # The right half is transparent.
    mask = Image.new("L", (WIDTH, HEIGHT), 255)
    mask.paste(0, (WIDTH // 2, 0, WIDTH, HEIGHT))
    transparent = picture()
    transparent.putalpha(mask)
    transparent.save(clear)
    # EXIF orientation 6 would turn the picture by 90 degrees clockwise. heif-enc keeps it and writes no `irot`.
    exif = Image.Exif()
    exif[0x0112] = 6
    picture().save(tagged, quality=95, subsampling=0, exif=exif)
    encode(plain, "plain.heic")
    encode(plain, "plain.avif", "-A")
    encode(deep, "ten_bits.heic", "-b", "10")
    encode(clear, "clear.heic")
    encode(tagged, "exif.heic")
    turn("plain.heic", "turned.heic", 3)
    turn("plain.avif", "turned.avif", 1)
