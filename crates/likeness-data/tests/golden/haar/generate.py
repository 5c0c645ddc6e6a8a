"""Writes three pictures, three cascades of random features, and what OpenCV 4 finds with them.

    python generate.py     (versions in README.md)
"""

import json
import os

import cv2
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def noise(rng):
    """Coloured noise at two scales."""
    fine = cv2.GaussianBlur(rng.uniform(0, 255, (117, 150, 3)), (0, 0), 1.5)
    coarse = cv2.GaussianBlur(rng.uniform(0, 255, (117, 150, 3)), (0, 0), 5)
    mixed = (fine - 127.5) * 4 + (coarse - 127.5) * 12 + 127.5
    return np.clip(mixed, 0, 255).astype(np.uint8)


def drawn_faces(rng):
    """Ovals with eyes, nose and mouth on a shaded ground."""
    y, x = np.mgrid[0:180, 0:240]
    image = np.stack([90 + x / 3, 110 + y / 3, 150 - x / 4], -1).astype(np.uint8)
    for cx, cy, r in [(60, 70, 40), (160, 60, 28), (190, 140, 24), (100, 145, 18)]:
        skin = tuple(int(v) for v in rng.integers(150, 230, 3))
        cv2.ellipse(image, (cx, cy), (int(r * 0.8), r), 0, 0, 360, skin, -1)
        for side in (-1, 1):
            cv2.circle(image, (cx + side * r // 3, cy - r // 4), max(2, r // 8), (40, 40, 40), -1)
        cv2.ellipse(image, (cx, cy + r // 2), (r // 3, r // 10), 0, 0, 360, (90, 50, 60), -1)
    return cv2.GaussianBlur(image, (0, 0), 0.8)


def steps(_):
    """Stripes and checks beside flat ground, where windows have no contrast."""
    y, x = np.mgrid[0:131, 0:97]
    grey = np.where(x < 40, 128, np.where(y < 70, (x // 7 + y // 5) % 2 * 255, (x * 5 + y * 3) % 256))
    return np.repeat(grey[..., None], 3, -1).astype(np.uint8)


def upright_feature(rng, w, h):
    """A rectangle against the half or the middle third of it, as in OpenCV's own cascades."""
    parts = int(rng.integers(2, 4))
    fw, fh = parts * int(rng.integers(1, w // parts + 1)), int(rng.integers(1, h + 1))
    x, y = int(rng.integers(0, w - fw + 1)), int(rng.integers(0, h - fh + 1))
    part = fw // parts
    rects = [(x, y, fw, fh, -1), (x + part * (parts - 2), y, part, fh, parts)]
    if parts == 2 and fh % 2 == 0:
        half = fh // 2
        rects = [(x, y, fw, fh, -1), (x, y, part, half, 2), (x + part, y + half, part, half, 2)]
    return rects


def tilted_feature(rng, w, h):
    while True:
        part, down = int(rng.integers(1, 6)), int(rng.integers(1, 9))
        x, y = int(rng.integers(0, w)), int(rng.integers(0, h))
        if x >= down and x + 2 * part <= w and y + 2 * part + down <= h:
            return [(x, y, 2 * part, down, -1), (x, y, part, down, 2)]


def number(value):
    return repr(float(value))


def cascade(rng, size, stages, nodes, tilted):
    """XML of a cascade of trees with up to `nodes` nodes; a share `tilted` of the features stands at 45 degrees."""
    w, h = size
    features, stage_texts = [], []
    for index in range(stages):
        trees = []
        for _ in range(3 + index):
            count = int(rng.integers(1, nodes + 1))
            order, leaf, tests = list(range(1, count)), 0, []
            for node in range(count):
                links = []
                for side in range(2):
                    # The last chance of a node to be reached is its predecessor's second link.
                    if order and (side == 1 or rng.random() < 0.5) and order[0] <= node + 1:
                        links.append(order.pop(0))
                    else:
                        links.append(-leaf)
                        leaf += 1
                make = tilted_feature if rng.random() < tilted else upright_feature
                features.append((make is tilted_feature, make(rng, w, h)))
                tests.append(f"{links[0]} {links[1]} {len(features) - 1} {number(rng.uniform(-0.04, 0.04))}")
            leaves = " ".join(number(v) for v in rng.uniform(0, 1, leaf))
            trees.append(f"<_><internalNodes>{' '.join(tests)}</internalNodes><leafValues>{leaves}</leafValues></_>")
        threshold = number(len(trees) * rng.uniform(0.44, 0.5))
        stage_texts.append(
            f"<_><maxWeakCount>{len(trees)}</maxWeakCount><stageThreshold>{threshold}</stageThreshold>"
            f"<weakClassifiers>\n{chr(10).join(trees)}</weakClassifiers></_>"
        )
    feature_texts = [
        "<_><rects>" + "".join(f"<_>{x} {y} {fw} {fh} {weight}.</_>" for x, y, fw, fh, weight in rects)
        + f"</rects><tilted>{int(is_tilted)}</tilted></_>"
        for is_tilted, rects in features
    ]
    return (
        '<?xml version="1.0"?>\n<opencv_storage>\n<cascade type_id="opencv-cascade-classifier">'
        f"<stageType>BOOST</stageType><featureType>HAAR</featureType><height>{h}</height><width>{w}</width>\n"
        f"<stageParams><maxWeakCount>{2 + stages}</maxWeakCount></stageParams>"
        f"<featureParams><maxCatCount>0</maxCatCount></featureParams><stageNum>{stages}</stageNum>\n"
        f"<stages>\n{chr(10).join(stage_texts)}</stages>\n<features>\n{chr(10).join(feature_texts)}</features>\n"
        "</cascade>\n</opencv_storage>\n"
    )


SETTINGS = [
    {"scale_factor": 1.1, "min_neighbors": 0, "min_face_px": 0, "max_face_px": 0},
    {"scale_factor": 1.1, "min_neighbors": 3, "min_face_px": 0, "max_face_px": 0},
    {"scale_factor": 1.2, "min_neighbors": 2, "min_face_px": 30, "max_face_px": 70},
    {"scale_factor": 1.37, "min_neighbors": 1, "min_face_px": 0, "max_face_px": 0},
]


def detect(path, image, setting):
    least, most = setting["min_face_px"], setting["max_face_px"]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    boxes, counts = cv2.CascadeClassifier(path).detectMultiScale2(
        grey, setting["scale_factor"], setting["min_neighbors"], 0, (least, least), (most, most)
    )
    return [[*map(int, box), int(count)] for box, count in zip(boxes, counts)]


def main():
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    rng = np.random.default_rng(4)
    pictures = {make.__name__: make(rng) for make in (noise, drawn_faces, steps)}
    for name, image in pictures.items():
        cv2.imwrite(f"{HERE}/{name}.png", image[..., ::-1])
    kinds = {"stumps": ((20, 20), 5, 1, 0.0), "trees": ((24, 18), 5, 4, 0.0), "tilted": ((21, 27), 5, 2, 0.5)}
    expected = []
    for name, kind in kinds.items():
        path = f"{HERE}/{name}.xml"
        for _ in range(10_000):
            with open(path, "w") as out:
                out.write(cascade(rng, *kind))
            raw = [len(detect(path, image, SETTINGS[0])) for image in pictures.values()]
            if all(40 <= n <= 500 for n in raw) and len(detect(path, pictures["noise"], SETTINGS[1])) > 3:
                break
        else:
            raise SystemExit(f"no cascade of kind {name} finds a fitting number of windows")
        for picture, image in pictures.items():
            for setting in SETTINGS:
                boxes = detect(path, image, setting)
                expected.append({"cascade": name, "picture": picture, **setting, "boxes": boxes})
    with open(f"{HERE}/expected.json", "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in expected) + "\n]\n")
    for case in expected:
        print(case["cascade"], case["picture"], case["scale_factor"], len(case["boxes"]))


if __name__ == "__main__":
    main()
