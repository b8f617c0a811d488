"""Writes inputs for the fuzz targets: the same ones every time, whatever compiler has built the targets.

python3 fuzz/inputs.py DIRECTORY COUNT
"""

import random
import sys
from pathlib import Path

directory, count = Path(sys.argv[1]), int(sys.argv[2])
generator = random.Random(1)
for number in range(count):
    # Short ones are as frequent as long ones.
    (directory / f"{number:06}").write_bytes(generator.randbytes(round(2048 ** generator.random())))
