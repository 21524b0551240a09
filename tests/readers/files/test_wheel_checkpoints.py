"""Files that people really ship: the weights inside two wheels, against what torch and the safetensors layout say.

pip download --no-deps -d WHEELS lpips silero-vad
STRIDESCOPE_WHEELS=WHEELS python -m pytest tests/readers/files/test_wheel_checkpoints.py
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import pytest
import torch
from checkpoint_zoo import facts, facts_of_live

from stridescope.readers import read_values
from stridescope.readers.files import open_checkpoint

FOLDER = os.environ.get("STRIDESCOPE_WHEELS", "")


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    wheels = sorted(Path(FOLDER).glob("*.whl")) if FOLDER else []
    if not wheels:
        pytest.skip("STRIDESCOPE_WHEELS names no folder with the wheels of lpips and silero-vad")
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith((".pth", ".jit", ".safetensors")):
                    archive.extract(name, tmp_path)
    return tmp_path


def test_the_six_weights_of_lpips_are_what_torch_load_gives(fetched: Path) -> None:
    paths = sorted(fetched.glob("lpips/**/*.pth"))
    assert len(paths) == 6
    for path in paths:
        theirs = torch.load(path, weights_only=True, map_location="cpu")
        checkpoint = open_checkpoint(path)
        assert (checkpoint.format, list(checkpoint), checkpoint.calls) == ("torch legacy", list(theirs), ())
        for name, tensor in theirs.items():
            # The file says that they were on a GPU; torch, where they are now.
            assert facts(checkpoint[name]) == {**facts_of_live(tensor), "device": "cuda:0"}
            assert checkpoint.read(name)([0, tensor.numel() - 1]) == read_values(tensor, [0, tensor.numel() - 1])
        assert sum(stored.unused_nbytes for stored in checkpoint.storages) == 0


@pytest.mark.filterwarnings("ignore")
def test_the_script_of_silero_vad_is_what_torch_jit_load_gives(fetched: Path) -> None:
    (path,) = fetched.glob("silero_vad/**/*.jit")
    theirs = torch.jit.load(io.BytesIO(path.read_bytes())).state_dict()
    checkpoint = open_checkpoint(path)
    assert checkpoint.format == "torchscript"
    assert set(theirs) <= set(checkpoint)
    for name, tensor in theirs.items():
        info = checkpoint[name]
        assert (info.shape, info.stride, info.storage_offset) == (
            tuple(tensor.shape),
            tensor.stride(),
            tensor.storage_offset(),
        )
        assert checkpoint.read(name)([0]) == read_values(tensor, [0])


def test_the_safetensors_of_silero_vad_are_what_their_header_says(fetched: Path) -> None:
    (path,) = fetched.glob("silero_vad/**/*.safetensors")
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    header.pop("__metadata__", None)
    checkpoint = open_checkpoint(path)
    assert (list(checkpoint), checkpoint.notes, checkpoint.broken) == (list(header), (), None)
    for name, entry in header.items():
        low, high = entry["data_offsets"]
        tensor = torch.frombuffer(bytearray(raw[start + low : start + high]), dtype=torch.float32)
        assert entry["dtype"] == "F32" and checkpoint[name].shape == tuple(entry["shape"])
        assert checkpoint.read(name)([0, tensor.numel() - 1]) == tensor[[0, -1]].tolist()
