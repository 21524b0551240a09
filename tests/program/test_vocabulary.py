"""The sentence about an unknown word names what is near it, and nothing that only looks so."""

from __future__ import annotations

import pytest

from stridescope.errors import ProgramError
from stridescope.program import run
from stridescope.program.vocabulary import unknown_function, unknown_method, unknown_name


def message(source: str) -> str:
    with pytest.raises(ProgramError) as caught:
        run(source)
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("tranpose", "transpose"),
        ("veiw", "view"),
        ("unsqeeze", "unsqueeze"),
        ("resahpe", "reshape"),
        ("flaten", "flatten"),
        ("permut", "permute"),
        ("expnad", "expand"),
    ],
)
def test_a_slip_is_told_with_the_word_that_was_meant(name: str, near: str) -> None:
    assert f"did you mean '{near}'" in message(f"torch.zeros(2, 2).{name}()")


@pytest.mark.parametrize(("name", "far"), [("vander", "randperm"), ("tril", "tile"), ("diag", "imag"), ("sin", "min")])
def test_a_word_that_only_shares_letters_is_no_hint(name: str, far: str) -> None:
    assert "did you mean" not in unknown_function("torch", "torch", name, [("torch", far)])


def test_a_near_word_with_the_same_first_letter_comes_first() -> None:
    rows = [("tensor", word) for word in ("resplit", "unsplit_", "usplit")]
    assert unknown_method("tensor", "usplits", rows).endswith("did you mean 'usplit'?")  # type: ignore[arg-type]
    rows = [("tensor", word) for word in ("unsqueeze", "squeeze")]
    assert unknown_method("tensor", "squeez", rows).endswith("did you mean 'squeeze' or 'unsqueeze'?")  # type: ignore[arg-type]


def test_a_function_of_a_submodule_points_to_its_twin_above() -> None:
    assert unknown_function("torch", "torch", "nn.functional.relu", [("torch", "relu")]) == (
        "torch.nn.functional.relu is not followed, and torch.relu is; write that"
    )
    assert unknown_function("torch", "torch", "nn.functional.softmax", []).startswith(
        "torch.nn.functional.softmax computes values"
    )


def test_a_method_called_as_a_function_is_told_so() -> None:
    assert unknown_function("torch", "torch", "view", [("tensor", "view")]) == (
        "torch.view is no function here; it is a method: x.view(...)"
    )


def test_a_bare_function_is_told_with_its_library() -> None:
    rows = [("np", "array"), ("torch", "arange"), ("np", "arange")]
    assert unknown_name("arange", [], [], rows).endswith("did you mean torch.arange?")  # type: ignore[arg-type]
    assert unknown_name("array", [], [], rows).endswith("did you mean np.array?")  # type: ignore[arg-type]
    assert unknown_name("pritn", [], ["print", "int"], rows).endswith("did you mean 'print'?")  # type: ignore[arg-type]
