"""view changes the shape and keeps the storage; when it cannot, there is a reason.

Run it: python demos/view.py
"""

from __future__ import annotations

import torch

import stridescope as ss

x = torch.tensor([[1, 2], [3, 4]])
as_column = x.view(4, 1)
SHAPES = {(4, 1): (4, 1), (-1,): (4,), (1, -1): (1, 4), (-1, 1): (4, 1)}


def main() -> None:
    """Show four views of a 2×2 tensor, then one that cannot be."""
    print("A 2×2 tensor seen as other shapes. -1 is worked out from the other sizes.\n")
    ss.show({str(asked): x.view(asked) for asked in SHAPES})
    for asked, shape in SHAPES.items():
        seen = x.view(asked)
        info = ss.inspect(seen)
        assert info.shape == tuple(seen.shape) == shape
        assert seen.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        sizes = ", ".join(map(str, asked))
        step = ss.run(f"torch.arange(4).view(2, 2).view({sizes})").steps[-1]
        assert step.tensor is not None and step.tensor.stride == seen.stride()

    print("\nAs a column:\n")
    ss.show(as_column, values=True)

    print("\nA transpose is read in another order than it is stored, so it cannot be flattened without a copy:\n")
    history = ss.run("torch.arange(4).view(2, 2).t().view(4)")
    ss.show(history)
    assert history.refused is not None
    try:
        x.t().view(4)
    except RuntimeError as error:
        print(f"\ntorch says: {error}")
    else:
        raise AssertionError("torch refuses this view")


if __name__ == "__main__":
    main()
