"""Times a training step of torchvision's ResNet50 on random pictures; prints median times and the peak memory.

Run: python step.py [BATCH] [SIDE] [STEPS] [THREADS]
"""

import resource
import statistics
import sys
import time

import torch
import torchvision

batch, side, steps, threads = (list(map(int, sys.argv[1:])) + [16, 112, 8, 2][len(sys.argv) - 1 :])[:4]
torch.set_num_threads(threads)
torch.manual_seed(0)
model = torchvision.models.resnet50(num_classes=128)
optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
pictures = torch.randn(batch, 3, side, side)
seen = []
for _ in range(steps):
    wall, cpu = time.perf_counter(), time.process_time()
    optimiser.zero_grad()
    model(pictures).square().mean().backward()
    optimiser.step()
    seen.append((time.perf_counter() - wall, time.process_time() - cpu))
    print(f"wall {seen[-1][0]:.3f} s  cpu {seen[-1][1]:.2f} s")
wall, cpu = (statistics.median(column) for column in zip(*seen[1:]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"median: wall {wall:.3f} s, cpu {cpu:.2f} s; peak {peak:.0f} MiB")
