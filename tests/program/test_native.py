"""Real torch and numpy under the same program: the algebra must have said what they do."""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np
import pytest
import torch

from stridescope.errors import ProgramError, TargetError
from stridescope.program import native as native_engine
from stridescope.program import run
from stridescope.program.interpret import interpret
from stridescope.program.native import MAX_BYTES, NativeEngine
from stridescope.program.tables import OPS
from stridescope.program.vocabulary import COMPUTING
from stridescope.records import History, Step, TensorInfo

OWNERS: dict[str, Any] = {"tensor": torch.Tensor, "torch": torch, "ndarray": np.ndarray, "np": np}
NUMPY = any(owner == "np" for owner, _ in OPS)


def native(source: str, **options: Any) -> History:
    return run(source, engine="torch", **options)


def last(source: str, **options: Any) -> Step:
    return native(source, **options).steps[-1]


# ------------------------------------------------------------------------------------------- the tables


@pytest.mark.parametrize(("owner", "name"), sorted(OPS))
def test_every_row_names_something_that_the_library_has(owner: str, name: str) -> None:
    reflected = name.replace("__r", "__", 1) if name.startswith("__r") else name
    assert operator.attrgetter(reflected if owner == "ndarray" else name)(OWNERS[owner]) is not None


def test_every_op_that_is_said_to_compute_exists_and_has_no_row() -> None:
    for name in COMPUTING:
        first = name.split(".")[0]
        assert any(hasattr(owner, first) for owner in OWNERS.values()), name
        assert not any((owner, name) in OPS for owner in OWNERS), name


# -------------------------------------------------------------------------------- the algebra and reality

PROGRAMS = [
    "torch.arange(12).view(3, 4).t()[1:, ::2]",
    "torch.arange(12).view(3, 4).t().view(12)",
    "torch.arange(12).view(3, 4).t().reshape(12)",
    "torch.arange(12).view(5, 5)",
    "torch.zeros(2, 3).transpose(0, 5)",
    "torch.zeros(2, 3)[5]",
    "torch.zeros(2, 3).expand(4, 3)",
    "torch.zeros(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)",
    "torch.zeros(2, 3, 4, 5, dtype=torch.float16).to(memory_format=torch.channels_last).clone()",
    "torch.zeros(2, 3).contiguous()",
    "torch.zeros(2, 3).to(torch.float32)",
    "torch.zeros(2, 3).to(torch.int8)",
    "torch.arange(6).float().double().half().long()",
    "torch.full((2, 2), 1.5).int()",
    "torch.tensor([[1, 2], [3, 4]]).T.flatten()",
    "torch.tensor([1.5, 2.5])",
    "a, b = torch.arange(12).split(6); torch.cat([b, a]).view(3, 4)",
    "torch.stack([torch.arange(3), torch.arange(3)], dim=1)",
    "torch.arange(24).view(2, 3, 4).permute(2, 0, 1).flatten(1)",
    "torch.arange(24).view(2, 3, 4).movedim(0, -1).unbind(1)[2]",
    "torch.arange(10).unfold(0, 3, 2)",
    "torch.arange(4)[[3, 1]]",
    "torch.arange(4)[torch.tensor([True, False, True, False])]",
    "torch.arange(6).view(2, 3).flip(1).roll(1)",
    "torch.arange(3).repeat(2, 2)",
    "torch.eye(3).diagonal()",
    "x = torch.arange(12); a = x.view(3, 4); b = x[::2]; a[1] = 0; b.add_(1)",
    "x = torch.zeros(3); x += 1; x[0] += 2; x[[0, 1]] += 5; x[1:] = x[:2]",
    "x = torch.zeros(2, 3); x.t_(); x.unsqueeze_(0)",
    "x = torch.arange(3); y = x + 1; z = 2 * y; w = -z",
    "torch.ones(3).expand(2, 3).add_(1)",
    "torch.zeros(2, requires_grad=True).add_(1)",
    "torch.zeros(2, 2).requires_grad_().view(4)",
    "torch.empty(0, 3).view(-1, 3)",
    "torch.zeros(2, device='meta').view(1, 2)",
    "torch.arange(3).as_strided((2, 2), (1, 1))",
    "torch.arange(3).as_strided((9, 9), (1, 1))",
    "torch.zeros(4, dtype=torch.complex64).real[::2]",
    "torch.view_as_real(torch.zeros(4, dtype=torch.complex64))",
    "torch.zeros(4).view(torch.int16)",
    "torch.zeros_like(torch.zeros(2, 3).t())",
]
NUMPY_PROGRAMS = [
    "np.arange(9).reshape(3, 3)[::-1].T",
    "np.arange(9).reshape(3, 3)[::-1].reshape(9)",
    "np.array([[1, 2], [3, 4]], dtype='f4').transpose().copy()",
    "np.zeros((2, 3))[:, None].ravel()",
    "x = np.arange(6); y = x[::2]; y[:] = 0; x += 1",
    "torch.arange(6).numpy()[::2]",
    "torch.from_numpy(np.arange(6))[::2]",
    "torch.from_numpy(np.arange(6)[::-1])",
    "np.arange(6).reshape(4, 4)",
    "np.arange(6)[9]",
    "np.arange(6)[2]",
    "np.arange(6).astype(np.float32)",
]


def seen(info: TensorInfo | None) -> Any:
    if info is None:
        return None
    fields = "type shape stride storage_offset dtype itemsize device requires_grad nbytes contiguous name"
    held = None if info.storage is None else info.storage.nbytes
    return {**{field: getattr(info, field) for field in fields.split()}, "held": held}


def aliasing(history: History) -> list[int]:
    """The storages of the steps, numbered in the order they are first seen."""
    numbers: dict[str, int] = {}
    infos = [info for step in history.steps for info in (step.tensor, *step.tensors) if info is not None]
    return [numbers.setdefault(info.storage.id, len(numbers)) for info in infos if info.storage is not None]


def known(step: Step) -> list[Any]:
    """The values that both engines are asked for: those the tensor reaches, and a few that it does not."""
    return [] if step.values is None else step.values(range(30))


def assert_agree(source: str) -> None:
    foreseen, real = run(source), native(source)
    assert [step.source for step in foreseen.steps] == [step.source for step in real.steps]
    for ours, theirs in zip(foreseen.steps, real.steps, strict=True):
        assert (ours.op, ours.effect, ours.name, ours.copied_nbytes) == (
            theirs.op,
            theirs.effect,
            theirs.name,
            theirs.copied_nbytes,
        )
        assert seen(ours.tensor) == seen(theirs.tensor)
        assert list(map(seen, ours.tensors)) == list(map(seen, theirs.tensors))
        assert seen(ours.before) == seen(theirs.before)
        assert ours.write == theirs.write
        if ours.reason is not None:
            assert theirs.reason is not None
            assert ours.reason.code == theirs.reason.code != "native"
            assert ours.reason.exception == theirs.reason.exception
            assert theirs.reason.native_message
        for mine, true in zip(known(ours), known(theirs), strict=True):
            assert mine is None or mine == true
    assert [(name, seen(info)) for name, info in foreseen.aliases] == [
        (name, seen(info)) for name, info in real.aliases
    ]


@pytest.mark.parametrize("source", PROGRAMS)
def test_the_algebra_says_what_torch_does(source: str) -> None:
    assert_agree(source)
    assert aliasing(run(source)) == aliasing(native(source))


@pytest.mark.skipif(not NUMPY, reason="no numpy rows")
@pytest.mark.parametrize("source", NUMPY_PROGRAMS)
def test_the_algebra_says_what_numpy_does(source: str) -> None:
    assert_agree(source)


# ------------------------------------------------------------------------------------------- refusals


def test_a_refused_step_has_our_reason_and_torchs_words() -> None:
    reason = last("torch.arange(12).view(3, 4).t().view(12)").reason
    assert reason is not None
    assert (reason.code, reason.dims, reason.needed_stride, reason.found_stride) == (
        "dims_not_mergeable",
        (0, 1),
        12,
        1,
    )
    assert reason.exception == "RuntimeError"
    assert reason.native_message is not None
    assert reason.native_message.startswith("view size is not compatible with input tensor's size and stride")
    assert any(other.source.startswith(".reshape") for other in reason.alternatives)


def test_what_only_the_library_refuses_is_told_in_its_words() -> None:
    """A live sparse tensor has no layout for the algebra to follow."""
    sparse = torch.eye(2).to_sparse()
    refused = last("x.view(4)", names={"x": sparse})
    assert refused.effect == "refused"
    assert refused.reason is not None
    assert refused.reason.code == "native"
    assert refused.reason.message == refused.reason.native_message.splitlines()[0]  # type: ignore[union-attr]


# -------------------------------------------------------------------------------------- effects and values


def test_effects_are_read_off_the_result() -> None:
    """reshape is a view, a copy or the same data by the strides alone; torch's answer decides."""
    assert last("torch.zeros(2, 3).reshape(6)").effect == "view"
    assert last("torch.zeros(2, 3).t().reshape(6)").effect == "copy"
    assert last("torch.zeros(2, 3).contiguous()").effect == "same"


def test_values_depend_on_what_only_the_real_run_knows() -> None:
    history = native("x = torch.rand(8); x[x >= 0]")
    assert history.steps[-1].effect == "copy"
    assert history.steps[-1].tensor is not None
    assert history.steps[-1].tensor.shape == (8,)


def test_random_values_decide_about_later_ops_without_surprise() -> None:
    history = native("x = torch.randint(1, 4, (3,)); torch.arange(3).repeat_interleave(x)")
    assert history.steps[-1].effect == "copy"
    assert history.steps[-1].copy is not None
    with pytest.raises(ProgramError, match="would allocate"):
        native("x = torch.randint(10**12, 10**13, (3,)); torch.arange(3).repeat_interleave(x)")
    with pytest.raises(ProgramError, match="may allocate anything"):
        native("x = torch.randint(1, 4, (10**4,)); torch.arange(10**4).repeat_interleave(x)")


def test_each_step_keeps_the_values_of_its_moment() -> None:
    made, filled = native("x = torch.arange(4); x.fill_(7)").steps
    assert made.values is not None
    assert filled.values is not None
    assert made.values([0, 3, 4]) == [0, 3, None]
    assert filled.values([0, 3, 4]) == [7, 7, None]


def test_of_a_large_storage_old_values_are_unknown_rather_than_wrong() -> None:
    made, filled = native("x = torch.zeros(100000); x.fill_(7)").steps
    assert made.values is not None
    assert filled.values is not None
    assert made.values([0]) == [None]
    assert filled.values([0, 99999]) == [7, 7]


def test_live_tensors_are_read_where_they_lie_and_written_for_real() -> None:
    x = torch.arange(12)
    history = native("y = x.view(3, 4)[1:]; y.zero_()", names={"x": x})
    assert history.steps[0].before is not None
    assert history.steps[0].before.storage is not None
    assert history.steps[0].before.storage.data_ptr == x.data_ptr()
    assert history.steps[-1].write is not None
    assert history.steps[-1].write.seen_by == ("x", "y")
    assert x.tolist() == [0, 1, 2, 3] + [0] * 8


def test_a_chain_goes_on_from_a_live_tensor() -> None:
    assert last("t()[1:]", names={"value": torch.zeros(3, 4)}, chain_of="value").tensor.stride == (1, 4)  # type: ignore[union-attr]


def test_torchs_warnings_stay_inside() -> None:
    """pytest turns them into errors; x.T of three dims is deprecated and warns."""
    assert last("torch.zeros(2, 3, 4).T").effect in ("view", "refused")


# ------------------------------------------------------------------------------------------------ safety


@pytest.mark.parametrize(
    "source",
    [
        "torch.zeros(10**15)",
        "torch.zeros(10**10).view(-1)",
        "torch.zeros(1).expand(10**12).clone()",
        "torch.zeros(1).expand(10**12).contiguous()",
        "torch.zeros(1).repeat(10**12)",
        "torch.zeros(10**5).view(-1, 1) + torch.zeros(10**5)",
        "x = torch.zeros(1); torch.cat([x.expand(10**9), x.expand(10**9)])",
        "x = torch.zeros(1); y = torch.zeros(1).expand(10**11).to(torch.float64)",
        "torch.eye(10**6)",
        "torch.arange(10**12)",
        "torch.rand(10**6, 10**6)",
        "torch.zeros(2).resize_(10**12)" if ("tensor", "resize_") in OPS else "torch.empty(10**12)",
    ],
)
def test_nothing_huge_is_ever_allocated(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    call = native_engine.call

    def watched(op: Any, *rest: Any) -> Any:
        called.append(op.name)
        return call(op, *rest)

    monkeypatch.setattr(native_engine, "call", watched)
    with pytest.raises(ProgramError, match=r"would allocate [\d,]+ bytes") as caught:
        native(source)
    stopped = caught.value.message.split()[0]
    assert called.count(stopped) <= len(caught.value.history.steps)
    assert f"{MAX_BYTES:,}" in caught.value.message
    assert "\n" not in caught.value.message


def test_the_limit_is_on_all_that_a_program_allocates() -> None:
    source = "; ".join(f"x{k} = torch.zeros(256)" for k in range(4))
    assert len(interpret(source, NativeEngine(max_bytes=4096)).steps) == 4
    with pytest.raises(ProgramError, match="would allocate 1,024 bytes, and a program may allocate 4,095") as caught:
        interpret(source, NativeEngine(max_bytes=4095))
    assert len(caught.value.history.steps) == 3
    assert caught.value.source[caught.value.column : caught.value.end_column] == "torch.zeros(256)"


def test_a_large_tensor_without_memory_is_allowed() -> None:
    assert last("torch.zeros(10**12, device='meta').view(10**6, -1)").effect == "view"


# ------------------------------------------------------------------------------------ devices, libraries


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_cuda_device_one_sentence_says_so_and_what_to_do() -> None:
    with pytest.raises(TargetError, match=r"^no CUDA device: .*(CPU build|sees no GPU); run without --device, or .*$"):
        native("torch.zeros(1)", device="cuda")


def test_an_unknown_device_is_told() -> None:
    with pytest.raises(TargetError, match="'toaster' is no device that torch knows"):
        native("torch.zeros(1)", device="toaster")


def test_a_device_is_where_creations_go_that_name_none() -> None:
    history = native("torch.zeros(2); torch.zeros(2, device='cpu'); torch.arange(3).view(3, 1)", device="meta")
    assert [step.tensor.device for step in history.steps if step.tensor] == ["meta", "cpu", "meta", "meta"]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_program_runs_on_cuda() -> None:
    history = native("x = torch.arange(12).view(3, 4).t()[1:, ::2]; y = x.cpu(); y.numpy(); x.numpy()", device="cuda")
    assert [step.tensor.device for step in history.steps if step.tensor] == ["cuda:0"] * 4 + ["cpu"] * 2
    assert history.steps[3].values is not None
    assert history.steps[3].values([0, 11]) == [0, 11]
    refused = history.refused
    assert refused is not None
    assert refused.reason is not None
    assert refused.reason.exception == "TypeError"


@pytest.mark.parametrize(("library", "source"), [("torch", "torch.zeros(1)"), ("numpy", "np.zeros(1)")])
def test_a_library_that_is_not_installed_is_named(library: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if library == "numpy" and not NUMPY:
        pytest.skip("no numpy rows")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(TargetError, match=f"^{library} is not installed; pip install {library}"):
        native(source)
