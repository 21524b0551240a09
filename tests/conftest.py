"""How Hypothesis runs here: the same examples each time, or new ones with `--hypothesis-profile=explore`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Torch tensors and tables of cases make single examples uneven in time; that says nothing about the code under test.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("fixed", derandomize=True, **_COMMON)
settings.register_profile("explore", derandomize=False, print_blob=True, **_COMMON)
settings.load_profile("fixed")
