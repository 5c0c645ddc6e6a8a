"""Writes the JPEG kinds that our own encoder does not make: progressive, and CMYK with Adobe's inverted inks."""

from pathlib import Path

from PIL import Image

here = Path(__file__).parent


def halves(mode, left, right):
    """48 x 32 pixels, one colour left, another right."""
    image = Image.new(mode, (48, 32), left)
    image.paste(right, (16, 0, 48, 32))
    return image


halves("RGB", (200, 40, 30), (20, 60, 220)).save(here / "progressive.jpg", quality=95, progressive=True)
halves("CMYK", (0, 255, 255, 0), (255, 0, 0, 0)).save(here / "cmyk.jpg", quality=95)
