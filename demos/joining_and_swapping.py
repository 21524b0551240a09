"""stack and cat make a new storage; t and transpose only swap strides.

Run it: python demos/joining_and_swapping.py
"""

from __future__ import annotations

import torch

import stridescope as ss

a = torch.tensor([[1, 2], [3, 4]])
b = torch.tensor([[5, 6], [7, 8]])


def main() -> None:
    """Show what joining copies, element by element, and what swapping dims leaves in place."""
    print("cat and stack write their inputs into a new storage:\n")
    for join in ("cat", "stack"):
        history = ss.run(
            f"a = torch.tensor([[1, 2], [3, 4]]); b = torch.tensor([[5, 6], [7, 8]]); torch.{join}([a, b], dim=1)"
        )
        ss.show(history, values=True)
        step = history.steps[-1]
        joined = getattr(torch, join)([a, b], dim=1)
        assert (step.effect, step.copied_nbytes) == ("copy", joined.nbytes)
        assert step.tensor is not None and step.copy is not None
        assert (step.tensor.shape, step.tensor.stride) == (tuple(joined.shape), joined.stride())
        for k, value in enumerate(joined.flatten().tolist()):
            source, address = step.copy.origin(k)
            assert (a, b)[source].flatten()[address] == value, "each element has one place it came from"

    print("\nt and transpose are the same storage with its strides swapped:\n")
    ss.show({"a": a, "a.t()": a.t(), "a.transpose(0, 1)": a.transpose(0, 1)})
    assert ss.inspect(a.t()).stride == ss.inspect(a.transpose(0, 1)).stride == a.t().stride() == (1, 2)
    assert ss.inspect(a.t()).storage == ss.inspect(a).storage
    ss.show(a.t(), values=True)


if __name__ == "__main__":
    main()
