"""A drawn model says what torch says of it, at any width, and what is unusual besides."""

from __future__ import annotations

import io

import pytest

torch = pytest.importorskip("torch")
from rich.cells import cell_len  # noqa: E402
from rich.console import Console  # noqa: E402
from torch import nn  # noqa: E402

from stridescope.modules.reading import modules  # noqa: E402
from stridescope.render.modules import View, module_panel  # noqa: E402


class Gpt(nn.Module):
    """Embedding, equal blocks, a tied head, something frozen, something odd."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(10, 4)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(12))
        self.norm = nn.BatchNorm1d(4)
        self.lm_head = nn.Linear(4, 10, bias=False)
        self.lm_head.weight = self.wte.weight
        self.again = self.norm
        self.norm.requires_grad_(False)
        self.blocks[5][0].weight = nn.Parameter(torch.zeros(4, 4).t().contiguous().t())


def drawn(model: nn.Module, width: int = 100, view: View = "tree", **how: object) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(module_panel(modules(model), view, **how))  # type: ignore[arg-type]
    return out.getvalue()


def line(text: str, start: str) -> str:
    """The line on which something stands first after the guides."""
    return next(found for found in text.splitlines() if found.lstrip(" │├└─|`-").startswith(start))


def test_equal_layers_are_one_row_with_the_sum_of_all() -> None:
    text = drawn(Gpt())
    assert "5 × Sequential" in line(text, "0-4  ") and line(text, "0-4  ").split()[-3] == "100"
    assert line(text, "5  Sequential") and "6 × Sequential" in line(text, "6-11  ")
    assert "0-4" not in drawn(Gpt(), unfold=True)
    assert sum("Sequential" in row for row in drawn(Gpt(), unfold=True).splitlines()) == 12


def test_what_is_tied_frozen_shared_or_not_contiguous_is_said() -> None:
    text = drawn(Gpt(), 160)
    assert "same as norm" in line(text, "again") and "also again" in line(text, "norm")
    assert "frozen" in line(text, "norm")
    assert "tied to lm_head.weight" in text and "tied to wte.weight" in text
    assert "stride (1, 4)" in text and "not contiguous, but dense" in text
    assert "one tensor, 160 B: wte.weight and lm_head.weight" in text


def test_the_head_counts_tied_things_once() -> None:
    head = drawn(Gpt(), width=140).splitlines()[0]
    model = Gpt()
    elements = sum(p.numel() for p in model.parameters())
    assert f"{elements:,} elements" in head
    assert f"{len(list(model.modules()))} modules" in head


def test_children_and_modules_list_what_torch_lists() -> None:
    model = Gpt()
    children = [row.split()[0] for row in drawn(model, 200, view="children").splitlines()[3:]]
    assert children == [name for name, _ in model.named_children()]
    listed = [row.split()[0] for row in drawn(model, 200, view="modules").splitlines()[3:]]
    assert listed == [name or "(itself)" for name, _ in model.named_modules()]


def test_depth_cuts_and_says_how_much_is_inside() -> None:
    text = drawn(Gpt(), depth=1)
    assert "36 modules inside" in line(text, "blocks")
    assert "Sequential" not in text
    rows = drawn(Gpt(), 200, view="modules", depth=1).splitlines()[3:]
    assert [row.split()[0] for row in rows] == ["(itself)", "wte", "blocks", "norm", "lm_head"]


@pytest.mark.parametrize("width", [20, 30, 44, 60, 80, 100, 200])
@pytest.mark.parametrize("view", ["tree", "children", "modules"])
def test_no_line_is_wider_than_asked_and_none_ends_in_spaces(width: int, view: View) -> None:
    for row in drawn(Gpt(), width, view).splitlines():
        assert cell_len(row) <= width
        assert row == row.rstrip()


def test_ascii_is_ascii_and_nothing_of_the_users_is_markup_or_a_command() -> None:
    model = nn.Module()
    for name in ("[red]x[/red]", "宽字符", "line\nbreak\x1b[2J"):
        model.add_module(name, nn.Linear(1, 1))
    assert drawn(model, ascii=True).isascii()
    text = drawn(model)
    assert "[red]x[/red]" in text and "宽字符" in text and "\x1b" not in text
    numbers = [cell_len(row) for row in text.splitlines() if row.endswith("8 B")]
    assert len(set(numbers)) == 1, "wide characters keep the columns straight"


def test_dtypes_and_devices_are_said_where_they_are_mixed() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, dtype=torch.bfloat16), nn.Linear(2, 2, device="meta"))
    text = drawn(model, 140)
    assert "mixed dtypes: float32 and bfloat16" in text and "mixed devices: cpu and meta" in text
    assert "bfloat16" in line(text, "weight  (2, 2)  bfloat16")
    alone = drawn(nn.Linear(2, 2))
    assert alone.count("float32") == 1 and alone.count("cpu") == 1


def test_states_hooks_and_uninitialized_parameters_are_said() -> None:
    class Metric(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._defaults, self._reductions = {"seen": 0}, {"seen": "sum"}
            self.seen = torch.tensor(2)

    model = nn.Sequential(Metric(), nn.LazyLinear(2))
    text = drawn(model)
    assert "state" in line(text, "seen  ()")
    assert "not initialized yet" in line(text, "weight")
    assert "forward_pre hook _infer_parameters" in text


def test_a_module_far_down_still_shows_its_name() -> None:
    inner: nn.Module = nn.Linear(1, 1)
    for _ in range(150):
        inner = nn.Sequential(inner)
    rows = drawn(inner, 60).splitlines()
    assert any("Linear(" in row for row in rows)
    assert max(map(cell_len, rows)) <= 60


def test_a_tree_draws_itself() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(modules(nn.Linear(1, 1)))
    assert "Linear(in_features=1, out_features=1, bias=True)" in out.getvalue()
