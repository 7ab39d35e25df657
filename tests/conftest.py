"""What holds for every test: one thread, for models this small lose more to waiting for one another than they gain."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
