"""Embeds photos with a usual Python pipeline: OpenCV's YuNet, five-point alignment, ONNX Runtime; two processes.

    pipeline.py PHOTOS DETECTOR.onnx EMBEDDER.onnx OUT.npy [PROCESSES [LIMIT]]

One thread in each process. The embedder's input is 112x112 RGB, 0..255. Prints JSON with the number of faces and the peak
memory of all processes together.
"""

import json
import multiprocessing
import os
import resource
import sys

TEMPLATE = [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]


def work(task):
    photos, detector_path, embedder_path = task
    import cv2
    import numpy as np
    import onnxruntime

    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(embedder_path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    detector = cv2.FaceDetectorYN_create(detector_path, "", (320, 320), 0.6, 0.4, 750)
    template = np.array(TEMPLATE, np.float32)
    found, faces, batch = [], [], []

    def flush():
        if batch:
            rows = session.run(None, {name: np.stack(batch)})[0]
            faces.extend(rows / np.linalg.norm(rows, axis=1, keepdims=True))
            batch.clear()

    for photo in photos:
        image = cv2.imread(photo)
        detector.setInputSize((image.shape[1], image.shape[0]))
        _, boxes = detector.detect(image)
        if boxes is None:
            continue
        middle = np.array([image.shape[1], image.shape[0]]) / 2
        size = boxes[:, 2] * boxes[:, 3] - 2 * np.sum((boxes[:, :2] + boxes[:, 2:4] / 2 - middle) ** 2, axis=1)
        landmarks = boxes[np.argmax(size), 4:14].reshape(5, 2)
        matrix, _ = cv2.estimateAffinePartial2D(landmarks, template, method=cv2.LMEDS)
        face = cv2.warpAffine(image, matrix, (112, 112))
        batch.append(face[:, :, ::-1].transpose(2, 0, 1).astype(np.float32))
        found.append(os.path.basename(photo))
        if len(batch) == 8:
            flush()
    flush()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found, np.array(faces, np.float32), peak


def main():
    folder, detector, embedder, out = sys.argv[1:5]
    processes = int(sys.argv[5]) if len(sys.argv) > 5 else 2
    limit = int(sys.argv[6]) if len(sys.argv) > 6 else None
    photos = [os.path.join(folder, name) for name in sorted(os.listdir(folder))][:limit]
    tasks = [(photos[i::processes], detector, embedder) for i in range(processes)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        parts = pool.map(work, tasks, chunksize=1)
    import numpy as np

    np.save(out, np.concatenate([part[1] for part in parts]))
    print(json.dumps({
        "photos": len(photos),
        "faces": sum(len(part[0]) for part in parts),
        "peak_mib": sum(part[2] for part in parts),
    }))


if __name__ == "__main__":
    main()
