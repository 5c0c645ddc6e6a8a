"""The face detector YuNet: the library of the Python package yuface enters, an ONNX graph leaves.

    python yunet.py libfacedetection.so model.onnx

Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023. The library exports the
weights of each of its 53 convolutions as a named array of f32. A "pw" layer is a 1x1 convolution with weights [output, input];
a "dw" layer is a 3x3 convolution of each channel alone with weights [row, column, channel]. The first layer is a 3x3 convolution
with stride 2 whose weights are [output, row, column, colour], each output padded to 32 values.

The graph has the inputs and outputs of the YuNet in OpenCV's model zoo: pixels from 0 to 255, blue first, both sides a multiple
of 32; class, objectness, box and five landmarks of every cell at strides 8, 16 and 32.
"""

import sys

import numpy

from elf import Library
from onnx_graph import Graph

# Outputs of each cell, in the order of OpenCV's file.
HEADS = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)]
STRIDES_PX = [8, 16, 32]


class Detector:
    """The graph in the making, with the library that its weights come from."""

    def __init__(self, library):
        self.library = library
        self.graph = Graph("yunet", ["batch", 3, "height", "width"])

    def values(self, name):
        return numpy.frombuffer(self.library.bytes_of(name), "<f4")

    def first(self, x):
        """The 3x3 convolution of the picture."""
        name = "backbone__model0_pw"
        bias = self.values(f"{name}_bias")
        weight = self.values(f"{name}_weight").reshape(bias.size, 32)
        weight = weight[:, :27].reshape(bias.size, 3, 3, 3).transpose(0, 3, 1, 2)
        return self.graph.relu(self.graph.conv("backbone.model0", x, weight, bias, stride=2))

    def separable(self, name, x, relu=True):
        """A 1x1 convolution and a 3x3 convolution of each channel."""
        graph, path = self.graph, name.replace("__", ".").replace("_dp", ".dp")
        bias = self.values(f"{name}_pw_bias")
        x = graph.conv(f"{path}.pw", x, self.values(f"{name}_pw_weight").reshape(bias.size, -1, 1, 1), bias)
        bias = self.values(f"{name}_dw_bias")
        weight = self.values(f"{name}_dw_weight").reshape(3, 3, bias.size).transpose(2, 0, 1)[:, None]
        x = graph.conv(f"{path}.dw", x, weight, bias, group=bias.size)
        return graph.relu(x) if relu else x

    def backbone(self):
        """Feature maps at strides 8, 16 and 32."""
        pool = lambda block, x: self.graph.max_pool(f"backbone.model{block}.pool", x, 2, 2)
        x = self.separable("backbone__model0_dp", self.first("input"))
        x = pool(0, x)
        maps = []
        for block in range(1, 6):
            for part in (1, 2):
                x = self.separable(f"backbone__model{block}_dp{part}", x)
            if block >= 3:
                maps.append(x)
            if block in (2, 3, 4):
                x = pool(block, x)
        return maps

    def neck(self, maps):
        """Adds what the coarser maps have found to the finer ones."""
        graph = self.graph
        scales = graph.constant("neck.scales", numpy.array([1, 1, 2, 2], numpy.float32))
        for level in (2, 1, 0):
            if level < 2:
                wide = graph.add(
                    "Resize",
                    f"neck.{level}.resize",
                    [maps[level + 1], "", scales],
                    mode="nearest",
                    nearest_mode="floor",
                    coordinate_transformation_mode="asymmetric",
                )
                maps[level] = graph.add("Add", f"neck.{level}.add", [maps[level], wide])
            maps[level] = self.separable(f"neck__lateral_convs__{level}", maps[level])
        return maps

    def head(self, kind, width, level, x):
        """One table: a row of `width` values for every cell."""
        graph, name = self.graph, f"{kind}_{STRIDES_PX[level]}"
        x = self.separable(f"bbox_head__multi_level_{kind}__{level}", x, relu=False)
        x = graph.add("Transpose", f"{name}.transpose", [x], perm=[0, 2, 3, 1])
        shape = graph.constant(f"rows_of_{width}", numpy.array([0, -1, width], numpy.int64))
        if kind in ("cls", "obj"):
            x = graph.add("Reshape", f"{name}.reshape", [x, shape])
            graph.add("Sigmoid", name, [x])
        else:
            graph.add("Reshape", name, [x, shape])
        graph.output(name, ["batch", f"cells_{STRIDES_PX[level]}", width])

    def serialized(self):
        maps = self.neck(self.backbone())
        for kind, width in HEADS:
            for level, x in enumerate(maps):
                self.head(kind, width, level, x)
        return self.graph.serialized()


def main():
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        detector = Detector(Library(file.read()))
    with open(target, "wb") as file:
        file.write(detector.serialized())


if __name__ == "__main__":
    main()
