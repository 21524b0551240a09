"""Each error that is explained, provoked for real: what is added to it is true, and nothing else changes."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import traceback
import weakref
from pathlib import Path

import provoked
import pytest
import torch

from stridescope.explain import explain, explaining, install, uninstall
from stridescope.explain.error_table import KINDS
from stridescope.explain.errors import kind_of, note_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATHS = f"import sys\nsys.path[:0] = [{str(ROOT)!r}, {str(HERE)!r}]\n"
CASES = sorted(provoked.TRUE, key=lambda case: case.__name__)
NAMES = [case.__name__ for case in CASES]


@pytest.fixture
def installed():
    install()
    yield
    uninstall()


BUCKET: list[BaseException] = []


def raised(case):
    if case is provoked.bucket:
        # torch warns once in a process.
        return BUCKET[0] if BUCKET else BUCKET.append(provoke(case)) or BUCKET[0]
    return provoke(case)


def provoke(case):
    try:
        case()
    except (RuntimeError, IndexError, ValueError, TypeError, Warning) as error:
        return error
    raise AssertionError(f"{case.__name__} raised nothing")


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_what_is_said_of_an_error_is_true(case):
    error = raised(case)
    words = str(error)
    note = note_of(explain(error))
    for fact in provoked.TRUE[case]:
        assert fact in note, note
    assert str(error) == words
    assert explain(error).reason.native_message == error.args[0]


def test_every_row_of_the_table_is_provoked():
    found = {kind_of(raised(case))[0].words.pattern for case in CASES}
    assert found == {kind.words.pattern for kind in KINDS}


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_without_source_or_a_frame_it_still_says_what_the_numbers_mean(case):
    told = explain(type(raised(case))(*raised(case).args))
    assert told.effect == "refused"
    assert len(told.reason.message) > 30


def test_the_objects_stand_in_for_a_traceback():
    x = torch.ones(3, 4)
    error = RuntimeError("shape '[5, 2]' is invalid for input of size 12")
    assert "tensor 0 (3, 4) has 12" in explain(error, x).reason.message
    turned = torch.ones(3, 4).t()
    error = raised(provoked.refused_view).with_traceback(None)
    assert explain(error, turned).reason.dims == (0, 1)


# ---------------------------------------------------------------------------------------------- where people see it


def assert_all_notes_in(text):
    text = " ".join(text.replace("\nE", "\n").split())
    missing = [case.__name__ for case in provoked.QUICK for fact in provoked.TRUE[case] if fact not in text]
    assert not missing, missing


def ran(arguments, **how):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False, **how)
    return done.stdout + done.stderr


def test_a_script_that_dies_of_one_shows_it(tmp_path):
    """Each in a thread of its own, and the last one in the main thread."""
    script = tmp_path / "script.py"
    script.write_text(
        f"{PATHS}import threading\nimport provoked\n"
        "from stridescope.explain import install\ninstall()\n"
        "for case in provoked.QUICK:\n    thread = threading.Thread(target=case)\n    thread.start()\n    "
        "thread.join()\n"
        "print('main', file=sys.stderr)\nprovoked.refused_view()\n"
    )
    text = ran([str(script)])
    assert_all_notes_in(text)
    last = text.rpartition("main\n")[2]
    assert "view size is not compatible" in last
    assert "stridescope: view(12) must merge" in last


def test_pytest_shows_it(tmp_path):
    (tmp_path / "conftest.py").write_text(f"{PATHS}from stridescope.explain import install\ninstall()\n")
    (tmp_path / "test_them.py").write_text(
        "import provoked, pytest\n@pytest.mark.parametrize('case', provoked.QUICK)\ndef test_it(case):\n    case()\n"
    )
    text = ran(
        ["-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    )
    assert_all_notes_in(text)
    assert f"{len(provoked.QUICK)} failed" in text


def test_the_interactive_prompt_shows_it():
    lines = [*PATHS.splitlines(), "import provoked", "import torch"]
    lines += ["from stridescope.explain import install", "install()"]
    lines += [f"provoked.{case.__name__}()" for case in provoked.QUICK]
    # A line typed at the prompt has no source to read: its tensors tell.
    lines += ["typed = torch.ones(3, 4)", "typed.view(7)"]
    text = ran(["-c", "import code; code.interact()"], input="\n".join(lines) + "\n")
    assert_all_notes_in(text)
    assert "shape [7] needs 7 elements; typed (3, 4) has 12" in text
    assert "Of the tensors in reach, the error fits typed." in text


def test_a_log_of_a_caught_error_shows_it(installed, caplog):
    try:
        provoked.refused_view()
    except RuntimeError:
        logging.getLogger("training").exception("step failed")
    assert "stridescope: view(12) must merge dims 0 and 1" in caplog.text


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python tells of raised exceptions from 3.12 on")
def test_a_caught_error_carries_its_note_as_it_passes(installed):
    error = raised(provoked.refused_view)
    assert error.__notes__[0].startswith("stridescope: view(12) must merge dims 0 and 1")


def test_a_block_explains_what_leaves_it_without_installing():
    with pytest.raises(RuntimeError) as found, explaining():
        provoked.refused_view()
    assert [note.partition(":")[0] for note in found.value.__notes__] == ["stridescope"]


# ---------------------------------------------------------------------------------------------------- and no harm


def test_it_is_said_once(installed):
    error = raised(provoked.refused_view)
    for _ in range(3):
        traceback.format_exception(error)
    with pytest.raises(RuntimeError), explaining():
        raise error
    assert len(error.__notes__) == 1


def test_uninstall_leaves_everything_as_it_was():
    before = sys.excepthook, traceback.TracebackException.__init__
    install()
    install()
    assert sys.excepthook is not before[0]
    uninstall()
    assert (sys.excepthook, traceback.TracebackException.__init__) == before
    error = raised(provoked.refused_view)
    traceback.format_exception(error)
    assert not getattr(error, "__notes__", ())


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "CUDA error: an illegal memory access was encountered. shape '[5]' is invalid for input of size 1"
        ),
        torch.cuda.OutOfMemoryError("CUDA out of memory. only one dimension can be inferred"),
        KeyError("only one dimension can be inferred"),
        RuntimeError(),
        RuntimeError(12),
        RuntimeError("something else"),
        OSError(2, "only one dimension can be inferred"),
    ],
    ids=repr,
)
def test_other_errors_are_left_alone(installed, error):
    with pytest.raises(type(error)), explaining():
        raise error
    traceback.format_exception(error)
    assert not getattr(error, "__notes__", ())


def test_no_tensor_is_kept_alive(installed):
    """Neither by the note, nor by the copy of its locals that Python makes for a function that goes on."""
    kept = []

    def step():
        big = torch.ones(3, 4).t()
        kept.append(weakref.ref(big))
        try:
            big.view(12)
        except RuntimeError as error:
            note = "".join(traceback.format_exception(error))
        del big
        gc.collect()
        return note, kept[0]()

    note, alive = step()
    assert "stridescope: view(12)" in note
    assert alive is None


class Trap:
    """Anything that is asked of it says so."""

    asked: list[str] = []  # noqa: RUF012

    def __getattribute__(self, name):
        Trap.asked.append(name)
        raise RuntimeError(name)

    def __len__(self):
        Trap.asked.append("len")
        raise RuntimeError

    __getitem__ = __iter__ = __eq__ = __bool__ = __len__
    __hash__ = None


def trapped(x, trap, self):
    items = [trap, {"a": trap}, (trap,)]
    return x.view(self.size, 7), items


def test_nothing_of_the_users_runs():
    class Holder:
        @property
        def size(self):
            Trap.asked.append("property")
            return 7

    Trap.asked.clear()
    holder, trap = Holder(), Trap()
    error = raised(lambda: trapped(torch.ones(3, 4), trap, holder))
    assert Trap.asked == ["property"]
    assert "x (3, 4) has 12" in explain(error).reason.message
    assert Trap.asked == ["property"]


def test_it_never_raises(installed, monkeypatch):
    monkeypatch.setattr("stridescope.explain.errors.explain_error", lambda *_, **__: 1 / 0)
    error = raised(provoked.refused_view)
    assert "view size is not compatible" in "".join(traceback.format_exception(error))
    assert not getattr(error, "__notes__", ())
