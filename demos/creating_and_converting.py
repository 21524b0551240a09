"""What dtype, device and conversion change, and what they share.

Run it: python demos/creating_and_converting.py
"""

from __future__ import annotations

import torch

import stridescope as ss

whole = torch.tensor([[1, 2], [3, 4]])
real = torch.tensor([[1, 2], [3, 4]], dtype=torch.float64)
shared = whole.numpy()
made = {"whole": whole, "real": real, "shared": shared, "copied": whole.to(torch.float32)}


def main() -> None:
    """Show four tensors of the same numbers, then what conversion does to memory."""
    if torch.cuda.is_available():
        made["on_gpu"] = torch.tensor([[1, 2], [3, 4]], device="cuda:0")
    print("The same numbers: dtype, item size and device differ, shape and stride do not.\n")
    ss.show(made)
    for tensor in made.values():
        info = ss.inspect(tensor)
        assert (info.shape, info.stride) == ((2, 2), (2, 1))
    assert [ss.inspect(tensor).dtype for tensor in (whole, real)] == ["int64", "float64"]

    print("\n.numpy() of a CPU tensor shares its memory; .to another dtype is a copy.\n")
    assert ss.overlap(whole, shared).verdict == "yes"
    assert ss.overlap(whole, made["copied"]).verdict == "no"
    shared[0, 0] = 10
    assert whole[0, 0] == 10, "a write through one is seen through the other"
    shared[0, 0] = 1

    program = "x = torch.tensor([[1, 2], [3, 4]]); n = x.numpy(); y = x.to(torch.float32)"
    history = ss.run(program)
    ss.show(history)
    assert [step.effect for step in history.steps] == ["alloc", "view", "copy"]

    print("\nFrom a GPU, .to('cpu') copies first. Without it, .numpy() is an error:\n")
    history = ss.run("torch.zeros(2, 2, device='cuda').numpy()")
    ss.show(history)
    assert history.refused is not None
    history = ss.run("torch.zeros(2, 2, device='cuda').to('cpu').numpy()")
    assert [step.effect for step in history.steps] == ["alloc", "copy", "view"]


if __name__ == "__main__":
    main()
