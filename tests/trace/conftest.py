"""Tests of live torch: one thread, so that they share the machine."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
