"""Golden values of the similarity transform (scikit-image) and of the bilinear warp (OpenCV).

Run in this folder: python generate.py
"""
import json
import warnings

import cv2
import numpy as np
from skimage.transform import SimilarityTransform

warnings.simplefilter("ignore")
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)


def estimate(source, target):
    transform = SimilarityTransform()
    found = transform.estimate(np.float64(source), np.float64(target))
    matrix = transform.params[:2]
    return matrix if found and np.isfinite(matrix).all() and abs(np.linalg.det(matrix[:, :2])) > 1e-12 else None


def transform_cases():
    random = np.random.default_rng(7)
    cases = []
    for _ in range(24):
        angle, scale = random.uniform(-np.pi, np.pi), random.uniform(0.2, 12)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        noise = random.normal(0, random.choice([0, 1, 5]) * scale, (5, 2))
        cases.append(("noisy", TEMPLATE @ turn.T + random.uniform(-200, 900, 2) + noise))
    line = np.linspace(10, 90, 5)
    cases += [
        ("all equal", np.full((5, 2), 33.0)),
        ("collinear", np.stack([line, 2 * line + 3], 1)),
        ("horizontal", np.stack([line, np.full(5, 7.0)], 1)),
        ("mirrored", TEMPLATE * [-1, 1] + [112, 0]),
        ("upside down", TEMPLATE * [1, -1] + [0, 112]),
        ("two distinct points", np.array([[1, 2], [1, 2], [1, 2], [1, 2], [40, 9]], float)),
        ("not a number", np.where(np.eye(5, 2, dtype=bool), np.nan, TEMPLATE)),
    ]
    rows = []
    for name, source in cases:
        source = np.float32(source)
        for size in (112, 224):
            target = TEMPLATE * np.float32(size / 112)
            matrix = estimate(source, target) if np.isfinite(source).all() else None
            rows.append(
                {
                    "name": name,
                    "size": size,
                    "landmarks": [[None if np.isnan(v) else float(v) for v in p] for p in source],
                    "matrix": None if matrix is None else matrix.ravel().tolist(),
                }
            )
    return rows


def picture(smooth):
    y, x = np.mgrid[0:90, 0:120].astype(np.float64)
    if smooth:
        planes = [128 + 110 * np.sin(0.11 * x + 0.05 * y), 128 + 110 * np.sin(0.07 * y - 0.09 * x), 2 * x]
        return np.stack(planes, -1).round().clip(0, 255).astype(np.uint8)
    return np.random.default_rng(3).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def warp_cases():
    cases = {
        "grow": (3.1, 12.0, -60.0, -80.0),
        "turn": (1.0, 40.0, 30.0, -20.0),
        "shrink": (0.4, -25.0, 6.0, 12.0),
        "edge": (0.9, 170.0, 90.0, 40.0),
    }
    rows = []
    for kind in ("smooth", "noise"):
        cv2.imwrite(f"{kind}.png", picture(kind == "smooth")[..., ::-1])
        for name, (scale, angle, tx, ty) in cases.items():
            a, b = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
            matrix = np.array([[a, -b, tx], [b, a, ty]])
            face = cv2.warpAffine(
                picture(kind == "smooth"), matrix, (48, 40), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
            )
            cv2.imwrite(f"{kind}-{name}.png", face[..., ::-1])
            rows.append({"picture": kind, "name": name, "scale": scale, "angle_deg": angle, "shift": [tx, ty]})
    return rows


with open("expected.json", "w") as file:
    json.dump({"transforms": transform_cases(), "warps": warp_cases()}, file, indent=1)
