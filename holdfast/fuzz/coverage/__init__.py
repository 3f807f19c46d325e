"""Line, branch and function coverage of the contracts by a campaign's histories.

    coverage = measure(world, histories)      # of a sample, within a time
    coverage.merge(other)                     # another world, another worker
    coverage.report(); coverage.write(folder)

The contracts are compiled a second time with a probe before every statement and on both sides of every decision
(`instrument`), deployed as the same world, and the histories sent to them (`trace`).
"""

from holdfast.fuzz.coverage.counted import Coverage
from holdfast.fuzz.coverage.measure import measure

__all__ = ["Coverage", "measure"]
