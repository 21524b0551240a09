"""An index or a slice moves the offset and copies nothing.

Run it: python demos/index_and_slice.py
"""

from __future__ import annotations

import torch

import stridescope as ss

x = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
parts = {"[0]": x[0], "[-1]": x[-1], "[2:5]": x[2:5], "[4:-1]": x[4:-1]}
OFFSETS = {"[0]": 0, "[-1]": 6, "[2:5]": 2, "[4:-1]": 4}


def main() -> None:
    """Show four parts of one storage."""
    print("Seven floats, and four ways to take a part of them:\n")
    ss.show({"x": x, **parts})
    for source, part in parts.items():
        info = ss.inspect(part)
        assert info.storage is not None
        assert info.storage_offset == part.storage_offset() == OFFSETS[source]
        assert info.storage.nbytes == x.untyped_storage().nbytes(), "each one keeps the whole storage alive"
        step = ss.run(f"torch.empty(7){source}").steps[-1]
        assert step.tensor is not None
        assert (step.effect, step.tensor.layout) == ("view", info.layout)

    print("\nOne of them in its storage:\n")
    ss.show(parts["[2:5]"], values=True)

    print("\nA list of places is no slice: no single stride reaches them, so it copies.\n")
    history = ss.run("torch.arange(7)[[0, 1, 4]]")
    ss.show(history)
    assert history.steps[-1].effect == "copy"
    assert x[[0, 1, 4]].untyped_storage().data_ptr() != x.untyped_storage().data_ptr()


if __name__ == "__main__":
    main()
