"""Reads named data from a shared library: 64-bit little-endian ELF, its dynamic symbol table."""

import struct

DYNAMIC_SYMBOLS = 11


class Library:
    """The named data of a shared library."""

    def __init__(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not a 64-bit little-endian ELF file")
        self.data = data
        (start,) = struct.unpack_from("<Q", data, 0x28)
        length, count = struct.unpack_from("<HH", data, 0x3A)
        # name, type, flags, address, offset, size, link, info, alignment, entry size
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, start + i * length) for i in range(count)]
        self.symbols = dict(self.read_symbols())

    def read_symbols(self):
        for section in self.sections:
            if section[1] != DYNAMIC_SYMBOLS:
                continue
            names = self.sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], section[9]):
                name, _, _, index, address, size = struct.unpack_from("<IBBHQQ", self.data, at)
                end = self.data.index(b"\0", names + name)
                if size and index < len(self.sections):
                    holder = self.sections[index]
                    yield self.data[names + name : end].decode(), (address - holder[3] + holder[4], size)

    def bytes_of(self, name):
        if name not in self.symbols:
            raise ValueError(f"no symbol {name}")
        offset, size = self.symbols[name]
        return self.data[offset : offset + size]
