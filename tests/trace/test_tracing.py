"""`ss.trace`: each op with its line, its effect by storage identity, and every byte that it moved."""

from __future__ import annotations

import gc
import inspect
import json
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.tracing import bytes_a_step, train_step
from stridescope.errors import InputError, StridescopeError
from stridescope.records.traces import Trace
from stridescope.trace.tracing import trace


def steps_of(function: Callable[[], object]) -> list[tuple[str, str, int]]:
    with trace() as t:
        function()
    return [(step.op, step.effect, step.copied_nbytes) for step in t.steps]


def x34() -> torch.Tensor:
    return torch.arange(12.0).view(3, 4)


CASES: list[tuple[str, Callable[[torch.Tensor], object], str, int]] = [
    ("a view", lambda x: x.t(), "view", 0),
    ("an attribute", lambda x: x.T, "view", 0),
    ("a slice", lambda x: x[1:, ::2], "view", 0),
    ("contiguous() of what is", lambda x: x.contiguous(), "same", 0),
    ("to() where it is", lambda x: x.to("cpu"), "same", 0),
    ("to() of its own dtype", lambda x: x.to(torch.float32), "same", 0),
    ("reshape() to its own shape", lambda x: x.reshape(3, 4), "same", 0),
    ("reshape() that is a view", lambda x: x.reshape(2, 6), "view", 0),
    ("a metadata change in place", lambda x: x.t_(), "view", 0),
    ("another storage given", lambda x: x.set_(torch.zeros(5)), "view", 0),
    ("another dtype", lambda x: x.to(torch.float64), "copy", 96),
    ("cat", lambda x: torch.cat([x, x]), "copy", 96),
    ("repeat", lambda x: x.repeat(2, 1), "copy", 96),
    ("an index", lambda x: x[[0, 2]], "copy", 32),
    ("nothing picked", lambda x: x[x > 99], "copy", 0),
    ("arithmetic", lambda x: x + 1, "alloc", 0),
    ("arithmetic in place", lambda x: x.add_(1), "write", 0),
    ("out=", lambda x: torch.add(x, 1, out=x), "write", 0),
    ("cat into out=", lambda x: torch.cat([torch.ones(1, 4), torch.ones(1, 4)], out=x[1:]), "write", 32),
    ("setitem of a number", lambda x: x.__setitem__(0, 1), "write", 0),
    ("setitem of a tensor", lambda x: x.__setitem__(0, torch.ones(4)), "write", 16),
    ("setitem at positions", lambda x: x.__setitem__([0, 1], torch.ones(2, 4)), "write", 32),
    ("copy_ onto itself", lambda x: x.copy_(x), "write", 0),
    ("several parts", lambda x: x.split(2), "view", 0),
    ("a maximum", lambda x: x.max(0), "alloc", 0),
    ("foreach", lambda x: torch._foreach_add_([x], 1.0), "write", 0),
]


@pytest.mark.parametrize(("op", "effect", "nbytes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_effect_is_by_storage_identity(op: Callable[[torch.Tensor], object], effect: str, nbytes: int) -> None:
    x = x34()
    assert steps_of(lambda: op(x))[-1][1:] == (effect, nbytes)


def test_a_copy_below_an_op_is_counted_though_its_result_is_computed() -> None:
    x, y = torch.ones(3, 4, 2), torch.ones(3, 2, 5)
    with trace() as t:
        torch.tensordot(x, y, dims=([0, 2], [0, 1]))
    [step] = t.steps
    assert (step.op, step.effect, step.copied_nbytes) == ("tensordot", "alloc", x.nbytes)
    assert [moved.op for moved in step.moved] == ["clone"]


def test_the_line_is_the_first_frame_outside_torch() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    with trace() as t:
        here = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        model(torch.ones(2, 4))
    assert {(step.file, step.line, step.function) for step in t.steps} == {
        (__file__, here, "test_the_line_is_the_first_frame_outside_torch")
    }
    assert [step.op for step in t.steps] == ["ones", "linear", "relu"]
    assert t.steps[1].below > 1, "aten ops are folded into the function that was called"
    assert t.steps[1].source == "model(torch.ones(2, 4))"


def test_what_counts_as_a_library_can_be_told() -> None:
    def helper() -> torch.Tensor:
        return torch.ones(2)

    with trace(skip=[__file__]) as t:
        helper()
    assert t.steps[0].file != __file__
    with trace(within=[__file__]) as t:
        helper()
    assert t.steps[0].function == "helper"


def test_backward_ops_know_their_line_and_that_of_the_op_they_differentiate() -> None:
    w = torch.ones(4, 3, requires_grad=True)
    with trace() as t:
        first = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        y = (w * 2).t()
        z = y.reshape(12).exp()
        z.sum().backward()
    backward = [step for step in t.steps if step.forward is not None]
    assert {step.line for step in backward} == {first + 2}
    assert {step.forward for step in backward} == {(__file__, first + k) for k in range(3)}
    assert all(step.level == "aten" for step in backward)


def test_gradients_are_traced_as_what_they_are() -> None:
    """The second backward adds to the gradient's own storage."""
    w = torch.ones(3, requires_grad=True)

    def backward() -> list[tuple[str, str, int]]:
        return [step for step in steps_of(lambda: (w * 2).sum().backward()) if step[0] == "add_"]

    assert backward() == []
    assert backward() == [("add_", "write", 0)]


def test_a_refused_op_is_a_step_and_its_error_is_raised() -> None:
    x = x34()
    with trace() as t, pytest.raises(RuntimeError, match="invalid for input of size"):
        x.view(5)
    assert [(step.op, step.effect) for step in t.steps] == [("view", "refused")]


def test_an_exception_ends_the_trace_and_leaves_no_mode_on() -> None:
    with pytest.raises(ZeroDivisionError), trace() as t:
        torch.ones(1 // len(torch.empty(0)))
    torch.zeros(3)
    assert [step.op for step in t.steps] == ["empty"]


def test_nested_traces_both_see_and_point_at_the_same_lines() -> None:
    with trace() as outer:
        x = torch.ones(3)
        with trace() as inner:
            x.clone()
        x.t()
    assert [(step.op, step.effect) for step in inner.steps] == [("clone", "copy")]
    assert [step.op for step in outer.steps] == ["ones", "clone", "t"]
    assert outer.steps[1].line == inner.steps[0].line


def test_a_trace_belongs_to_its_thread() -> None:
    with trace() as t:
        thread = threading.Thread(target=lambda: torch.ones(3))
        thread.start()
        thread.join()
    assert len(t.steps) == 0


def test_a_trace_that_ends_in_another_thread_is_refused() -> None:
    tracing = trace()
    tracing.__enter__()
    said: list[str] = []

    def end() -> None:
        with pytest.raises(StridescopeError, match="must end in the thread it began in") as caught:
            tracing.__exit__(None, None, None)
        said.append(str(caught.value))

    thread = threading.Thread(target=end)
    thread.start()
    thread.join()
    assert said
    tracing.end()
    torch.ones(3)
    assert len(tracing.trace.steps) == 0


def test_a_trace_over_a_suspended_generator_is_refused_where_modes_would_cross() -> None:
    def generator() -> Iterator[None]:
        with trace():
            yield

    suspended = generator()
    next(suspended)
    tracing = trace()
    with tracing:
        torch.ones(2)
        # The generator's trace stands below this one: it cannot end first.
        with pytest.raises(StridescopeError, match="has not ended"):
            next(suspended)
    assert len(tracing.trace.steps) == 1
    from torch.overrides import _get_current_function_mode, _pop_mode
    from torch.utils._python_dispatch import _get_current_dispatch_mode

    # What the refusal left on, silently, is taken off so that it troubles no other test.
    assert _get_current_function_mode() is not None
    _pop_mode()
    dispatch = _get_current_dispatch_mode()
    assert dispatch is not None
    dispatch.__exit__(None, None, None)


def test_hooks_and_custom_functions_are_seen_at_their_own_lines() -> None:
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
            return gradient.clone()

    w = torch.ones(3, 4, requires_grad=True)
    with trace() as t:
        y = Doubled.apply(w)
        y.register_hook(lambda gradient: gradient.t().contiguous().t())
        y.sum().backward()
    by_function = {(step.function, step.op): step.effect for step in t.steps}
    assert by_function["forward", "mul"] == "alloc"
    assert by_function["backward", "clone"] == "copy"
    assert by_function["<lambda>", "clone"] == "copy"


def test_checkpointing_runs_its_lines_twice() -> None:
    def block(x: torch.Tensor) -> torch.Tensor:
        return x.t().reshape(12).sin()

    w = torch.ones(3, 4, requires_grad=True)
    with trace() as t:
        torch.utils.checkpoint.checkpoint(block, w, use_reentrant=False).sum().backward()
    assert [step.copied_nbytes for step in t.steps if step.function == "block" and step.effect == "copy"] == [48, 48]


def test_transforms_are_seen_as_the_ops_that_they_become() -> None:
    with trace() as t:
        torch.vmap(lambda a: a.t().reshape(-1))(torch.zeros(2, 3, 4))
    copies = [step for step in t.steps if step.effect == "copy"]
    assert [step.copied_nbytes for step in copies] == [96]
    assert copies[0].level == "aten"


def test_inference_mode_hides_no_copy() -> None:
    x = x34().t()
    with torch.inference_mode():
        assert steps_of(lambda: x.reshape(12)) == [("reshape", "copy", 48)]


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_writes_its_running_statistics_when_it_trains(training: bool) -> None:
    """Some of torch's schemas do not say so."""
    norm = torch.nn.BatchNorm1d(4).train(training)
    with trace() as t:
        norm(torch.ones(3, 4))
    assert [step.effect for step in t.steps if step.op == "batch_norm"] == ["alloc"]
    assert any(step.effect == "write" for step in t.steps) is training, "num_batches_tracked"


@pytest.mark.parametrize(
    ("make", "effect"),
    [
        (lambda: torch.eye(3).to_sparse().coalesce(), "same"),
        (lambda: torch.ones(3, device="meta").t(), "view"),
        (lambda: torch.ones(2, dtype=torch.complex64).conj(), "view"),
        (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "alloc"),
        (lambda: torch.empty(0).view(0, 3), "view"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_odd_tensors_are_steps_too(make: Callable[[], object], effect: str) -> None:
    assert steps_of(make)[-1][1] == effect


@pytest.mark.filterwarnings("ignore")
def test_compiled_code_runs_as_the_python_it_was_made_from() -> None:
    compiled = torch.compile(lambda x: x.t().reshape(12) + 1, backend="eager")
    x = x34()
    assert torch.equal(compiled(x), x.t().reshape(12) + 1)
    assert [step[:2] for step in steps_of(lambda: compiled(x))] == [
        ("t", "view"),
        ("reshape", "copy"),
        ("add", "alloc"),
    ]


def test_a_step_of_training_gives_the_same_numbers_under_a_trace() -> None:
    losses = []
    for traced in (False, True):
        model, step = train_step(torch)
        if traced:
            with trace() as t:
                losses.append([step().item() for _ in range(2)])
        else:
            losses.append([step().item() for _ in range(2)])
        losses[-1] += [p.sum().item() for p in model.parameters()]
    assert losses[0] == losses[1]
    assert t.totals["aten_ops"] > 1000


def test_a_step_takes_at_most_400_bytes() -> None:
    assert bytes_a_step() <= 400


def test_nothing_traced_is_kept_alive() -> None:
    with trace() as t:
        x = torch.ones(3, 4)
        made = x.t().contiguous()
        storages = [x.untyped_storage()._weak_ref(), made.untyped_storage()._weak_ref()]
        tensors = [weakref.ref(x), weakref.ref(made)]
        del x, made
        assert all(torch.UntypedStorage._expired(storage) for storage in storages)
        assert all(tensor() is None for tensor in tensors)
    assert t.copies[0].nbytes == 48
    for storage in storages:
        torch.UntypedStorage._free_weak_ref(storage)


def test_a_ring_bounds_what_is_kept_and_totals_stay_exact() -> None:
    x = x34().t()
    with trace(keep=10) as t:
        for _ in range(50):
            x.reshape(12)
    assert (len(t.steps), t.totals["steps"], t.totals["effects"]) == (10, 50, {"copy": 50})
    assert (t.copies[0].times, t.copies[0].nbytes, t.totals["copied_nbytes"]) == (50, 50 * 48, 50 * 48)
    assert t.steps[0].number == 40
    assert "first 40 steps" in t.notes[0]


def test_an_address_that_is_used_again_is_another_storage() -> None:
    with trace() as t:
        for _ in range(5):
            torch.ones(1000)
        x = torch.zeros(3)
        x.t()
    ids = [step.after.storage.id for step in t.steps if step.after is not None and step.after.storage is not None]
    assert len(set(ids[:6])) == 6
    assert ids[5] == ids[6]


def test_before_and_after_are_what_the_tensors_were() -> None:
    x = torch.arange(12, dtype=torch.int16).view(3, 4)
    with trace() as t:
        y = x.t()[1:]
    step = t.steps[-1]
    assert step.before is not None and step.after is not None
    assert (step.before.shape, step.before.stride) == ((4, 3), (1, 4))
    assert (step.after.shape, step.after.stride, step.after.storage_offset) == (tuple(y.shape), y.stride(), 1)
    assert (step.after.dtype, step.after.device, step.after.requires_grad) == ("int16", "cpu", False)


# Reasons -----------------------------------------------------------------------------------------


def first_copy(function: Callable[[], object]) -> Any:
    with trace() as t:
        function()
    return t.copies[0]


def test_a_reshape_tells_the_dims_that_could_not_merge_and_whose_strides_those_are() -> None:
    found = first_copy(lambda: torch.arange(12).view(3, 4).t().reshape(12))
    assert found.because == (
        "view(12) must merge dims 0 and 1, but stride[0] is 1 where merging needs size[1]·stride[1] = 12",
    )
    assert found.cause is not None and found.cause.source == ".t()"
    assert [other.source for other in found.instead] == [".permute(1, 0).view(12)"]


def test_an_alternative_to_a_reshape_is_a_view_on_real_torch() -> None:
    x = torch.arange(12).view(3, 4).t()
    found = first_copy(lambda: x.reshape(12))
    for other in found.instead:
        assert eval(f"x{other.source}").untyped_storage()._cdata == x.untyped_storage()._cdata


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (lambda x: x.t().contiguous(), "stride[1] is 4 where row-major order needs 1"),
        (lambda x: x.clone(), "always makes a new storage"),
        (lambda x: x.double(), "float32 elements are other bytes as float64"),
        (lambda x: torch.cat([x, x]), "several storages"),
        (lambda x: x[[0, 1]], "follow no stride"),
        (lambda x: x.flip(0), "negative stride"),
    ],
)
def test_each_kind_of_copy_has_its_reason(op: Callable[[torch.Tensor], object], words: str) -> None:
    x = x34()
    assert words in " ".join(first_copy(lambda: op(x)).because)


def test_a_lost_memory_format_is_named() -> None:
    x = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last)
    found = first_copy(x.contiguous)
    assert "channels_last" in found.because[0] and "lost" in found.because[0]
    assert found.instead[0].source == ".contiguous(memory_format=torch.channels_last)"


def test_a_repeat_of_size_1_dims_could_be_an_expand() -> None:
    x = torch.ones(3, 1)
    found = first_copy(lambda: x.repeat(1, 4))
    assert [(other.source, other.effect) for other in found.instead] == [(".expand(3, 4)", "view")]
    assert torch.equal(x.expand(3, 4), x.repeat(1, 4))


# As a value --------------------------------------------------------------------------------------


@pytest.fixture
def found() -> Trace:
    with trace() as t:
        x34().t().reshape(12)
    return t


def test_the_document_has_the_fields_of_the_schema(found: Trace) -> None:
    document = json.loads(json.dumps(found.to_dict()))
    assert (document["schema"], document["kind"]) == ("stridescope/1", "trace")
    assert set(document["steps"][0]) >= {"op", "file", "line", "effect", "copied_nbytes", "before", "after"}
    assert document["totals"]["copied_nbytes"] == 48


def test_what_is_saved_is_the_document(found: Trace, tmp_path: Path) -> None:
    found.save(str(tmp_path / "run.json"))
    assert json.loads((tmp_path / "run.json").read_text()) == json.loads(json.dumps(found.to_dict()))


def test_an_empty_trace_is_a_document_too(tmp_path: Path) -> None:
    with trace() as t:
        pass
    t.save(str(tmp_path / "run.json"))
    assert json.loads((tmp_path / "run.json").read_text())["steps"] == []
    assert "no op copied a byte" in str(t)


def test_the_report_names_the_line_the_bytes_and_the_reason(found: Trace, capsys: pytest.CaptureFixture[str]) -> None:
    found.show()
    shown = capsys.readouterr().out
    for words in ("COPIES", "48 B", "reshape", "x34().t().reshape(12)", "must merge dims 0 and 1", "test_tracing.py:"):
        assert words in shown
    assert "1 copy" in str(found) and "48 B copied" in repr(found)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_report_fits_its_width(found: Trace, width: int) -> None:
    from stridescope.render.traces import TraceReport, plain

    assert all(len(line) <= width for line in plain(TraceReport(found), width, ascii=True).splitlines())
    assert plain(TraceReport(found), width, ascii=True).isascii()


def test_steps_are_a_sequence(found: Trace) -> None:
    assert [step.op for step in found.steps] == [found.steps[k].op for k in range(len(found.steps))]
    assert found.steps[-1] == found.steps[len(found.steps) - 1]
    assert [step.op for step in found.steps[1:3]] == ["view", "t"]
    with pytest.raises(IndexError):
        found.steps[99]


@pytest.mark.parametrize(
    ("options", "words"), [({"keep": 0}, "1 or more"), ({"keep": "all"}, "None for all"), ({"skip": "lib"}, "a list")]
)
def test_bad_options_get_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        trace(**options)


def test_a_trace_is_entered_once() -> None:
    tracing = trace()
    with tracing:
        pass
    with pytest.raises(StridescopeError, match="entered once"):
        tracing.__enter__()


def test_the_package_is_the_function_too() -> None:
    import stridescope.trace

    with stridescope.trace() as t:  # type: ignore[operator]
        torch.ones(2)
    assert len(t.steps) == 1
    gc.collect()
