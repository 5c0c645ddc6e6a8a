"""The four detector families in plain Python: layout, decoding and suppression, written from their publications.

A family is described by (channels, mean, factor, placement, padding, threshold); a detection is
[score, left, top, width, height] and, where there are landmarks, ten more numbers.
"""
import math

import numpy as np
from PIL import Image

FAMILIES = {
    "yunet": ("bgr", 0.0, 1.0, "top-left", 0, 0.6),
    "scrfd": ("rgb", 127.5, 1 / 128, "top-left", 0, 0.5),
    "yolov8-face": ("rgb", 0.0, 1 / 255, "centre", 114, 0.45),
    "ultra-light": ("rgb", 127.0, 1 / 128, "stretch", 127, 0.7),
}
NMS_IOU = 0.4
MAX_SIDE = 640


def layout(width, height, fixed, placement):
    """(input width, input height, scaled width, scaled height, left, top)"""
    if fixed is None:
        factor = min(1.0, MAX_SIDE / max(width, height))
        scaled = [max(1, int(math.floor(side * factor + 0.5))) for side in (width, height)]
        return [-(-side // 32) * 32 for side in scaled] + scaled + [0, 0]
    if placement == "stretch":
        return list(fixed) * 2 + [0, 0]
    factor = min(fixed[0] / width, fixed[1] / height)
    scaled = [max(1, int(math.floor(side * factor + 0.5))) for side in (width, height)]
    offset = [(f - s) // 2 if placement == "centre" else 0 for f, s in zip(fixed, scaled)]
    return list(fixed) + scaled + offset


def tensor(photo, plan, family):
    channels, mean, factor, _, padding, _ = FAMILIES[family]
    width, height, across, down, left, top = plan
    canvas = np.full((height, width, 3), padding, np.uint8)
    scaled = photo if photo.size == (across, down) else photo.resize((across, down), Image.BILINEAR)
    canvas[top : top + down, left : left + across] = np.asarray(scaled)
    if channels == "bgr":
        canvas = canvas[..., ::-1]
    return ((canvas.astype(np.float32) - np.float32(mean)) * np.float32(factor)).transpose(2, 0, 1)[None]


def decode(family, outputs, width, height):
    outputs = [np.asarray(o, np.float64)[0] for o in outputs]
    if family == "ultra-light":
        size = np.array([width, height] * 2)
        corners = [o for o in outputs if o.shape[1] == 4][0] * size
        scores = [o for o in outputs if o.shape[1] == 2][0][:, 1]
        return [[s, b[0], b[1], b[2] - b[0], b[3] - b[1]] for s, b in zip(scores, corners)]
    found = []
    for level, stride in enumerate((8, 16, 32)):
        rows, columns = height // stride, width // stride
        for index in range(rows * columns):
            row, column = divmod(index, columns)
            if family == "yunet":
                cls, obj, box, points = (outputs[level + 3 * k][index] for k in range(4))
                score = math.sqrt(cls[0] * obj[0])
                wide, high = math.exp(box[2]) * stride, math.exp(box[3]) * stride
                middle = (column + box[0]) * stride, (row + box[1]) * stride
                points = (points.reshape(5, 2) + [column, row]) * stride
                found.append([score, middle[0] - wide / 2, middle[1] - high / 2, wide, high, *points.ravel()])
            elif family == "scrfd":
                for anchor in (2 * index, 2 * index + 1):
                    score, box, points = (outputs[level + 3 * k][anchor] for k in range(3))
                    low = np.array([column - box[0], row - box[1]]) * stride
                    high = np.array([column + box[2], row + box[3]]) * stride
                    points = (points.reshape(5, 2) + [column, row]) * stride
                    found.append([score[0], *low, *(high - low), *points.ravel()])
            else:
                values = outputs[level][:, row, column]
                bins = values[:64].reshape(4, 16)
                bins = np.exp(bins - bins.max(1, keepdims=True))
                left, top, right, bottom = (bins / bins.sum(1, keepdims=True)) @ np.arange(16)
                points = values[65:].reshape(5, 3)[:, :2] * 2 + [column, row]
                x, y = column + 0.5, row + 0.5
                box = np.array([x - left, y - top, left + right, top + bottom]) * stride
                found.append([1 / (1 + math.exp(-values[64])), *box, *(points * stride).ravel()])
    return found


def overlap(a, b):
    wide = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    high = min(a[2] + a[4], b[2] + b[4]) - max(a[2], b[2])
    shared = max(0, wide) * max(0, high)
    return shared / (a[3] * a[4] + b[3] * b[4] - shared)


def finish(candidates, threshold, photo_size, plan, tie=None):
    """Threshold, suppression, and back into the photo's pixels.

    With `tie`, each face is a list: the face, then the candidates suppressed by it whose score is within `tie` of its.
    """
    kept = []
    for candidate in sorted((c for c in candidates if c[0] >= threshold), key=lambda c: -c[0]):
        if candidate[3] > 0 and candidate[4] > 0 and all(overlap(candidate, k) <= NMS_IOU for k in kept):
            kept.append(candidate)
    _, _, across, down, left, top = plan
    by = np.array([photo_size[0] / across, photo_size[1] / down])

    def to_photo(candidate):
        score, x, y, wide, high, *points = candidate
        corner = (np.array([x, y]) - [left, top]) * by
        points = (np.array(points).reshape(-1, 2) - [left, top]) * by
        numbers = (*corner, *(np.array([wide, high]) * by), *points.ravel())
        return [round(float(score), 4)] + [round(float(v), 2) for v in numbers]

    if tie is None:
        return [to_photo(k) for k in kept]
    near = lambda c, k: k[0] - tie <= c[0] <= k[0] and c is not k and overlap(c, k) > NMS_IOU
    return [[to_photo(k)] + [to_photo(c) for c in candidates if near(c, k)] for k in kept]


def detect(session, family, photo):
    declared = session.get_inputs()[0].shape
    fixed = (declared[3], declared[2]) if all(isinstance(side, int) for side in declared[2:]) else None
    plan = layout(*photo.size, fixed, FAMILIES[family][3])
    outputs = session.run(None, {session.get_inputs()[0].name: tensor(photo, plan, family)})
    return finish(decode(family, outputs, plan[0], plan[1]), FAMILIES[family][5], photo.size, plan, tie=0.003)
