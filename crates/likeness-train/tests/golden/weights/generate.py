"""Small files as torch.save writes them, and hostile ones. Run: python generate.py ; writes beside itself."""

import os
import pickle
import zipfile

import torch

HERE = os.path.dirname(os.path.abspath(__file__))


class Attack:
    def __reduce__(self):
        return (os.system, ("echo executed > executed",))


def path(name):
    return os.path.join(HERE, name)


def state():
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 4 - 1
    return {
        "single": base,
        "transposed": base.t(),
        "row": base[1],
        "half": base.half(),
        "brain": base.bfloat16(),
        "double": base.double(),
        "bn.num_batches_tracked": torch.tensor(5),
        "infinite": torch.tensor([1.0, float("inf")]),
    }


def repack(source, target, change):
    """Copies an archive with its pickle changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name.endswith("data.pkl") else data)


def main():
    torch.save(state(), path("tensors.pth"))
    torch.save(state(), path("tensors-old.pth"), _use_new_zipfile_serialization=False)
    torch.save({"state_dict": {"module.single": state()["single"]}, "epoch": 3}, path("nested.pth"))
    os.makedirs(path("bad"), exist_ok=True)
    torch.save({"single": state()["single"], "extra": Attack()}, path("bad/attack.pth"))
    torch.save({"single": Attack()}, path("bad/attack-old.pth"), _use_new_zipfile_serialization=False)
    for protocol in (2, 4):
        repack(path("tensors.pth"), path(f"bad/attack-{protocol}.pth"), lambda _: pickle.dumps(Attack(), protocol))
    torch.save(torch.nn.Linear(2, 2), path("bad/module.pth"))
    # The first tensor claims 4 times the rows that its storage holds.
    lie = lambda data: data.replace(b"K\x03K\x04\x86", b"K\x0cK\x04\x86", 1)
    repack(path("tensors.pth"), path("bad/rows.pth"), lie)
    # A text that claims 4 GB.
    repack(path("tensors.pth"), path("bad/length.pth"), lambda _: b"\x80\x02X\xff\xff\xff\xffabc.")


if __name__ == "__main__":
    main()
