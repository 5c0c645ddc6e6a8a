"""Embeds labelled photos with PyPI's face_recognition, as its users do: one process, the default detector, one encoding a photo.

    python face_recognition_package.py FOLDER

FOLDER holds a folder of photos for each person. Prints photos, faces, seconds of wall and CPU time, and leave-one-out top-1 and mAP
by Euclidean distance. Needs face_recognition 1.3.0 and dlib 20.0.1.
"""

import json
import sys
import time
from pathlib import Path

import face_recognition
import numpy


def embed(folder):
    """The main face's encoding of each photo with a face, and the person's name."""
    encodings, people, photos = [], [], 0
    for path in sorted(folder.glob("*/*")):
        photos += 1
        image = face_recognition.load_image_file(path)
        boxes = face_recognition.face_locations(image)
        if not boxes:
            continue
        top, right, bottom, left = max(boxes, key=lambda box: (box[2] - box[0]) * (box[1] - box[3]))
        encodings.append(face_recognition.face_encodings(image, [(top, right, bottom, left)])[0])
        people.append(path.parent.name)
    return numpy.stack(encodings), numpy.array(people), photos


def evaluate(encodings, people):
    """Leave-one-out top-1 and mean average precision."""
    distances = numpy.linalg.norm(encodings[:, None] - encodings[None], axis=2)
    numpy.fill_diagonal(distances, numpy.inf)
    order = numpy.argsort(distances, axis=1, kind="stable")[:, :-1]
    hits = people[order] == people[:, None]
    hits = hits[hits.any(axis=1)]
    precision = numpy.cumsum(hits, axis=1) / numpy.arange(1, hits.shape[1] + 1)
    return float(hits[:, 0].mean()), float(((precision * hits).sum(axis=1) / hits.sum(axis=1)).mean())


def main():
    wall, cpu = time.perf_counter(), time.process_time()
    encodings, people, photos = embed(Path(sys.argv[1]))
    seconds = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    top1, mean_average_precision = evaluate(encodings, people)
    print(json.dumps({"photos": photos, "faces": len(people), **seconds, "top1": top1, "map": mean_average_precision}))


main()
