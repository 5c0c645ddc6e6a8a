"""timm's keys of EfficientNet-B0 beside torchvision's. Run: python generate.py ; writes beside itself."""

import os

import timm
import torchvision

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    theirs = timm.create_model("efficientnet_b0", pretrained=False).state_dict()
    ours = torchvision.models.efficientnet_b0(weights=None).state_dict()
    assert [t.shape for t in theirs.values()] == [t.shape for t in ours.values()]
    with open(os.path.join(HERE, "efficientnet-b0.txt"), "w") as file:
        file.writelines(f"{a} {b}\n" for a, b in zip(theirs, ours))


if __name__ == "__main__":
    main()
