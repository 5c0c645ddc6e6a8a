"""dlib's face recognition network: its file enters, an ONNX graph leaves.

    python dlib_resnet.py dlib_face_recognition_resnet_model_v1.dat model.onnx

The network is a ResNet with 29 convolutions (Davis King, 2017) whose output for a face of 150x150 pixels is 128 values.
The file format is that of dlib's C++ streams; nothing of dlib is needed to read it:

    integer   a control byte, then N bytes with the lowest first; N is in the low 4 bits, 0x80 means negative
    bool      the character '0' or '1'
    float     two integers: mantissa, exponent of 2
    string    its length as an integer, then its bytes
    tensor    the integer 2, four integers (samples, channels, rows, columns), then f32 values, little-endian
    shape     the integer 1, then four integers as above

A layer is stored as: a version, the layer below it, its own settings, three bools, three tensors. The file therefore
begins with the versions of all layers, and the layers' settings follow from the first to the last.

The graph's layers are named as in torchvision's ResNet. Each affine layer is folded into the convolution before it.
"""

import struct
import sys

import numpy

from onnx_graph import Graph

SIDE_PX = 150
# Channels and number of blocks of each group; every group but the first begins with a block that halves the feature map.
GROUPS = [(32, 3), (64, 4), (128, 3), (256, 3), (256, 1)]


class Reader:
    """Reads values of dlib's stream format."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, length):
        taken = self.data[self.at : self.at + length]
        if len(taken) != length:
            raise ValueError(f"the file ends at byte {len(self.data)}, within a value")
        self.at += length
        return taken

    def integer(self):
        control = self.take(1)[0]
        if control & 0x70 or not 1 <= control & 0x0F <= 8:
            raise ValueError(f"byte {self.at - 1}: {control:#04x} does not begin an integer")
        value = int.from_bytes(self.take(control & 0x0F), "little")
        return -value if control & 0x80 else value

    def integers(self, count):
        return [self.integer() for _ in range(count)]

    def boolean(self):
        value = self.take(1)
        if value not in (b"0", b"1"):
            raise ValueError(f"byte {self.at - 1}: {value!r} is not a bool")
        return value == b"1"

    def real(self):
        mantissa, exponent = self.integers(2)
        return float(numpy.ldexp(float(mantissa), exponent))

    def text(self):
        return self.take(self.integer()).decode("ascii")

    def expect(self, what, found, expected):
        if found != expected:
            raise ValueError(f"before byte {self.at}: {what}: expected {expected}, found {found}")

    def tensor(self):
        self.expect("version of a tensor", self.integer(), 2)
        shape = self.integers(4)
        count = int(numpy.prod(shape))
        return numpy.frombuffer(self.take(4 * count), "<f4").reshape(shape)

    def shape(self):
        self.expect("version of a shape", self.integer(), 1)
        return self.integers(4)

    def end_of_layer(self):
        for _ in range(3):
            self.boolean()
        for _ in range(3):
            self.tensor()


class Network:
    """The layers of the file, in the order in which they are computed."""

    def __init__(self, data):
        self.reader = reader = Reader(data)
        self.read_head()
        self.convolutions = {}
        self.read_convolution("conv1", 7, 2, first=True)
        self.read_relu()
        self.read_pool("max_pool_2", 3)
        for name, stride in blocks():
            self.read_convolution(f"{name}.conv1", 3, stride)
            self.read_relu()
            self.read_convolution(f"{name}.conv2", 3, 1)
            if stride == 2:
                self.read_pool("avg_pool_2", 2)
            self.read_plain("add_prev_")
            self.read_relu()
        # The mean over the whole feature map: a pool without a size.
        self.read_pool("avg_pool_2", 0)
        self.fc = self.read_linear()
        if reader.at != len(data):
            raise ValueError(f"{len(data) - reader.at} bytes follow the last layer")

    def read_head(self):
        """The loss, the versions of all layers, and the input."""
        reader = self.reader
        reader.expect("version of the loss", reader.integer(), 1)
        reader.expect("loss", reader.text(), "loss_metric_2")
        reader.real(), reader.real()
        while True:
            start = reader.at
            if reader.integer() > 3:
                break
        reader.at = start
        reader.expect("input", reader.text(), "input_rgb_image_sized")
        self.mean = [reader.real() for _ in range(3)]
        reader.expect("input size", reader.integers(2), [SIDE_PX, SIDE_PX])

    def read_convolution(self, name, kernel, stride, first=False):
        """A convolution and the affine layer after it, as one convolution."""
        reader = self.reader
        reader.expect(name, reader.text(), "con_4")
        params = reader.tensor().astype(numpy.float64).ravel()
        filters, *window = reader.integers(5)
        reader.expect(f"{name}: window", window, [kernel, kernel, stride, stride])
        pad = 0 if stride == 2 else kernel // 2
        reader.expect(f"{name}: padding", reader.integers(2), [pad, pad])
        shape, bias_shape = reader.shape(), reader.shape()
        reader.expect(f"{name}: biases", bias_shape, [1, filters, 1, 1])
        [reader.real() for _ in range(4)]
        reader.end_of_layer()
        if first:
            reader.expect("samples for each image", reader.integer(), 1)
        weight, bias = numpy.split(params, [int(numpy.prod(shape))])

        gamma, beta = self.read_affine(filters)
        weight = weight.reshape(shape) * gamma[:, None, None, None]
        self.convolutions[name] = (weight, bias * gamma + beta)

    def read_affine(self, channels):
        reader = self.reader
        reader.expect("affine layer", reader.text(), "affine_")
        params = reader.tensor().astype(numpy.float64).ravel()
        for _ in range(2):
            reader.expect("affine layer: channels", reader.shape(), [1, channels, 1, 1])
        reader.integer()
        reader.end_of_layer()
        return params[:channels], params[channels:]

    def read_plain(self, name):
        self.reader.expect("layer", self.reader.text(), name)
        self.reader.end_of_layer()

    def read_relu(self):
        self.read_plain("relu_")

    def read_pool(self, name, size):
        reader = self.reader
        reader.expect("layer", reader.text(), name)
        stride = 2 if size else 1
        reader.expect(f"{name}: window", reader.integers(6), [size, size, stride, stride, 0, 0])
        reader.end_of_layer()

    def read_linear(self):
        """The weights of the last layer: outputs, inputs."""
        reader = self.reader
        reader.expect("layer", reader.text(), "fc_2")
        outputs, inputs = reader.integers(2)
        params = reader.tensor()
        reader.shape(), reader.shape()
        # Without a bias.
        reader.expect("fc: bias", reader.integer(), 1)
        [reader.real() for _ in range(4)]
        reader.end_of_layer()
        return params.reshape(inputs, outputs).T


def blocks():
    """Name and stride of every residual block."""
    for group, (_, count) in enumerate(GROUPS, 1):
        for block in range(count):
            yield f"layer{group}.{block}", 2 if group > 1 and block == 0 else 1


def shortcut(graph, name, x, inputs, outputs):
    """The mean over 2x2 pixels, and zeros in further channels: a 1x1 convolution that copies the channels it has."""
    x = graph.add("AveragePool", f"{name}.pool", [x], kernel_shape=[2, 2], strides=[2, 2])
    if inputs == outputs:
        return x
    return graph.conv(f"{name}.downsample", x, numpy.eye(outputs, inputs)[:, :, None, None])


def zeros_behind(graph, name, x, channels, count):
    """Feature maps with `count` rows and columns of zeros below and to the right, as a 1x1 convolution."""
    weight = numpy.ones((channels, 1, 1, 1))
    return graph.conv(f"{name}.pad", x, weight, pads=[0, 0, count, count], group=channels)


def write(network):
    """The ONNX file of a network."""
    graph = Graph("dlib_face_recognition_resnet_model_v1", ["batch", 3, SIDE_PX, SIDE_PX])

    def conv(name, x, stride=1):
        weight, bias = network.convolutions[name]
        return graph.conv(name, x, weight, bias, stride, [0] * 4 if stride == 2 else None)

    x = graph.relu(conv("conv1", "input", 2))
    x = graph.max_pool("maxpool", x, 3, 2)
    # conv1 has no padding, nor has the pool.
    side, channels = (((SIDE_PX - 7) // 2 + 1) - 3) // 2 + 1, GROUPS[0][0]
    for name, stride in blocks():
        y = graph.relu(conv(f"{name}.conv1", x, stride))
        y = conv(f"{name}.conv2", y)
        if stride == 2:
            outputs = network.convolutions[f"{name}.conv1"][0].shape[0]
            x = shortcut(graph, name, x, channels, outputs)
            behind = side // 2 - ((side - 3) // 2 + 1)
            if behind:
                y = zeros_behind(graph, name, y, outputs, behind)
            side, channels = side // 2, outputs
        x = graph.relu(graph.add("Add", f"{name}.add", [y, x]))
    x = graph.add("GlobalAveragePool", "avgpool", [x])
    x = graph.add("Flatten", "features", [x], axis=1)
    weight = graph.constant("fc.weight", network.fc.astype(numpy.float32))
    graph.add("Gemm", "embedding", [x, weight], transB=1)
    graph.output("embedding", ["batch", network.fc.shape[0]])
    return graph.serialized()


def main():
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        network = Network(file.read())
    with open(target, "wb") as file:
        file.write(write(network))


if __name__ == "__main__":
    main()
