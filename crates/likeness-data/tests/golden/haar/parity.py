"""Compares the boxes and the time of `examples/haar_detect.rs` with OpenCV 4's on real photos.

    cargo build --release -p likeness-data --example haar_detect
    LIKENESS_SHARED=… python parity.py target/release/examples/haar_detect [--photos 300] [--rounds 5] [--json OUT]

Both programs get the same pixels: each photo is decoded once, by OpenCV, and handed on as PPM. Montages are eight
photos in a 4×2 grid, each at its own size between 160 and 320 pixels. A box agrees when all four edges are within
2 px of a box of the other program that no other box has taken.
"""

import argparse, glob, json, os, statistics, subprocess, tempfile, time

import cv2
import numpy as np

CASCADES = ["frontalface_default", "frontalface_alt", "frontalface_alt2", "profileface", "eye"]


def montages(photos, count, rng):
    for _ in range(count):
        canvas = np.full((640, 1280, 3), 127, np.uint8)
        for cell, index in enumerate(rng.choice(len(photos), 8, replace=False)):
            side = int(rng.integers(160, 321))
            tile = cv2.resize(photos[index], (side, side), interpolation=cv2.INTER_AREA)
            x, y = cell % 4 * 320, cell // 4 * 320
            canvas[y:y + side, x:x + side] = tile
        yield canvas


def pictures(shared, count):
    london = sorted(glob.glob(f"{shared}/data/london/*_front/*.jpg"))
    celeba = sorted(glob.glob(f"{shared}/data/celeba/images/*.jpg"))
    celeba = celeba[:: max(1, len(celeba) // count)][:count]
    sets = {"london": [cv2.imread(p) for p in london], "celeba": [cv2.imread(p) for p in celeba]}
    sets["montage"] = list(montages(sets["london"] + sets["celeba"], 40, np.random.default_rng(7)))
    return sets


def opencv(path, photos, scale_factor):
    detector = cv2.CascadeClassifier(path)
    boxes = []
    wall, cpu = time.perf_counter(), time.process_time()
    for photo in photos:
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        found, counts = detector.detectMultiScale2(grey, scale_factor, 3)
        boxes.append([[*map(int, b), int(n)] for b, n in zip(found, counts)])
    return boxes, time.perf_counter() - wall, time.process_time() - cpu


def likeness(program, path, files, scale_factor, rounds, spread="serial"):
    command = [program, path, str(scale_factor), "3", str(rounds), spread, *files]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer["boxes"], min(answer["wall_s"]), min(c or 0 for c in answer["cpu_s"])


def edges(box):
    x, y, w, h = box[:4]
    return np.array([x, y, x + w, y + h])


def compare(theirs, ours):
    """Boxes, those within 2 px, identical ones (score too), and ours that they lack."""
    close = same = invented = total = 0
    for a, b in zip(theirs, ours):
        left = [list(map(int, x)) for x in b]
        total += len(a)
        same += sum(x in left for x in a)
        for x in a:
            best = min(left, key=lambda y: np.abs(edges(x) - edges(y)).max(), default=None)
            if best is not None and np.abs(edges(x) - edges(best)).max() <= 2:
                close += 1
                left.remove(best)
        invented += len(left)
    return {"boxes": total, "within_2px": close, "identical": same, "invented": invented}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--cascades", nargs="*", default=CASCADES)
    parser.add_argument("--sets", nargs="*")
    arguments = parser.parse_args()
    shared = os.environ.get("LIKENESS_SHARED", "../shared")
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    print("OpenCV", cv2.__version__)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, photos in pictures(shared, arguments.photos).items():
            if arguments.sets and name not in arguments.sets:
                continue
            photos = [np.ascontiguousarray(p[..., ::-1]) for p in photos]
            files = [f"{folder}/{name}{i:04}.ppm" for i in range(len(photos))]
            for file, photo in zip(files, photos):
                cv2.imwrite(file, photo[..., ::-1])
            for cascade in arguments.cascades:
                path = f"{shared}/weights/detectors/haarcascade_{cascade}.xml"
                for scale_factor in (1.1, 1.2):
                    runs = []
                    for _ in range(arguments.rounds):
                        theirs, wall, cpu = opencv(path, photos, scale_factor)
                        ours, our_wall, our_cpu = likeness(arguments.program, path, files, scale_factor, 1)
                        runs.append((wall, cpu, our_wall, our_cpu))
                    ms = [1e3 * statistics.median(r[k] for r in runs) / len(photos) for k in range(4)]
                    row = {"set": name, "cascade": cascade, "scale_factor": scale_factor, **compare(theirs, ours)}
                    row |= dict(zip(["opencv_wall_ms", "opencv_cpu_ms", "wall_ms", "cpu_ms"], [round(m, 2) for m in ms]))
                    row["cpu_ratio"] = round(ms[1] / ms[3], 2) if ms[3] else None
                    print(row, flush=True)
                    rows.append(row)
    if arguments.json:
        with open(arguments.json, "w") as out:
            json.dump(rows, out, indent=1)


if __name__ == "__main__":
    main()
