"""Where an element is: storage, offset and stride, on the 3×3 array of 1…9.

Run it: python demos/storage_offset_stride.py
"""

from __future__ import annotations

import numpy as np
import torch

import stridescope as ss

a = np.arange(1, 10).reshape(3, 3)
x = torch.from_numpy(a)


def main() -> None:
    """Show the array, then follow one index to its element by hand."""
    print("A 3×3 array is nine numbers in a row. Two strides say how to step through them.\n")
    ss.show(a, values=True, index=(1, 2))

    info = ss.inspect(a)
    assert info.stride == (3, 1), "one row down is 3 elements on, one column right is 1"
    assert info.byte_stride == a.strides == (24, 8), "numpy counts the same steps in bytes"

    layout = ss.Layout((3, 3), (3, 1))
    address = layout.address((1, 2))
    print(f"\nThe element 6 is at index (1, 2): 0 + 1·3 + 2·1 = {address} elements from the start.")
    assert address == 5
    assert x.flatten()[address] == a[1, 2] == 6

    print("\nA part of it starts later in the same storage, and steps as before:\n")
    corner = x[1:, 1:]
    ss.show(corner, values=True)
    info = ss.inspect(corner)
    assert (info.storage_offset, info.stride) == (corner.storage_offset(), corner.stride()) == (4, (3, 1))
    assert corner.untyped_storage().data_ptr() == x.untyped_storage().data_ptr() == a.ctypes.data


if __name__ == "__main__":
    main()
