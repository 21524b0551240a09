"""Real architectures: the bytes of a report are those counted from the dispatcher alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stridescope.trace.rows import MOVES
from stridescope.trace.tracing import trace

transformers = pytest.importorskip("transformers")

SMALL = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 99}
MODELS = {
    "Bert": lambda: transformers.BertModel(transformers.BertConfig(**SMALL)),
    "Llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL, num_key_value_heads=2)),
    "GPT2": lambda: transformers.GPT2LMHeadModel(
        transformers.GPT2Config(n_layer=2, n_embd=32, n_head=4, vocab_size=99, bos_token_id=0, eos_token_id=0)
    ),
}


class Counted(TorchDispatchMode):
    """Bytes of what ops that move elements gave or wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.nbytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func._schema.name.rpartition("::")[2]
        if name in MOVES:
            self.nbytes += out.numel() * out.element_size()
        elif name in ("index_put_", "_index_put_impl_") and args[2].ndim:
            self.nbytes += args[2].numel() * args[2].element_size()
        return out


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore")
def test_the_bytes_reported_are_those_of_the_dispatcher(name: str) -> None:
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    x = torch.randint(0, 99, (2, 7))

    def step() -> None:
        model.zero_grad()
        model(x)[0].sum().backward()

    step()
    with Counted() as counted:
        step()
    with trace() as t:
        step()
    assert t.copied_nbytes == counted.nbytes > 0
    assert all(line.nbytes for line in t.copies)
