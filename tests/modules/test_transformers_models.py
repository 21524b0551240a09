"""The trees of `transformers` architectures, built from configurations on meta, are torch's own lists."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from stridescope.modules.reading import modules  # noqa: E402
from stridescope.modules.sharing import sharing  # noqa: E402

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 99}
ARCHITECTURES: dict[str, tuple[str, str, dict[str, Any]]] = {
    # name: (configuration, the class that makes a model of it, settings)
    "llama": ("LlamaConfig", "AutoModelForCausalLM", {**SMALL, "num_key_value_heads": 2}),
    "mistral": ("MistralConfig", "AutoModelForCausalLM", {**SMALL, "num_key_value_heads": 2}),
    "qwen2": ("Qwen2Config", "AutoModelForCausalLM", {**SMALL, "num_key_value_heads": 2}),
    "gpt2": ("GPT2Config", "AutoModelForCausalLM", {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 99}),
    "gpt_neox": ("GPTNeoXConfig", "AutoModelForCausalLM", SMALL),
    "opt": ("OPTConfig", "AutoModelForCausalLM", {**SMALL, "ffn_dim": 64, "word_embed_proj_dim": 32}),
    "mixtral": ("MixtralConfig", "AutoModelForCausalLM", {**SMALL, "num_local_experts": 4, "num_key_value_heads": 2}),
    "bert": ("BertConfig", "AutoModelForMaskedLM", SMALL),
    "roberta": ("RobertaConfig", "AutoModelForMaskedLM", SMALL),
    "albert": ("AlbertConfig", "AutoModelForMaskedLM", {**SMALL, "embedding_size": 16}),
    "distilbert": (
        "DistilBertConfig",
        "AutoModelForMaskedLM",
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "vocab_size": 99},
    ),
    "t5": (
        "T5Config",
        "AutoModelForSeq2SeqLM",
        {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 99},
    ),
    "bart": (
        "BartConfig",
        "AutoModelForSeq2SeqLM",
        {
            "d_model": 32,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "vocab_size": 99,
        },
    ),
    "vit": ("ViTConfig", "AutoModelForImageClassification", {key: SMALL[key] for key in list(SMALL)[:4]}),
    "clip": ("CLIPConfig", "AutoModel", {}),
    "convnext": ("ConvNextConfig", "AutoModelForImageClassification", {"depths": [1, 1, 2, 1]}),
    "wav2vec2": ("Wav2Vec2Config", "AutoModelForCTC", SMALL),
    "whisper": ("WhisperConfig", "AutoModelForSpeechSeq2Seq", {"encoder_layers": 2, "decoder_layers": 2}),
    "mamba": ("MambaConfig", "AutoModelForCausalLM", {"hidden_size": 32, "num_hidden_layers": 2, "vocab_size": 99}),
    "resnet": ("ResNetConfig", "AutoModelForImageClassification", {}),
}


def built(name: str) -> Any:
    config, maker, settings = ARCHITECTURES[name]
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        return getattr(transformers, maker).from_config(getattr(transformers, config)(**settings))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_lists_order_and_counts_are_torchs(name: str) -> None:
    model = built(name)
    tree = modules(model)
    assert [path for path, _ in tree.modules()] == [path for path, _ in model.named_modules()]
    assert [found for found, _ in tree.children()] == [found for found, _ in model.named_children()]
    for remove_duplicate in (True, False):
        for group in ("parameters", "buffers"):
            expected = [key for key, _ in getattr(model, f"named_{group}")(remove_duplicate=remove_duplicate)]
            found = [key for key, _ in getattr(tree, f"named_{group}")(remove_duplicate=remove_duplicate)]
            assert found == expected
    assert tree.counts.parameters == len(list(model.parameters()))
    assert tree.counts.parameter_elements == sum(p.numel() for p in model.parameters())
    below = tree.counts_below
    for path, node in tree.modules():
        assert below[path].parameter_elements == sum(p.numel() for p in node.live[0]().parameters()), path


def test_gpt2_ties_its_head_to_its_embedding() -> None:
    (tied,) = sharing(modules(built("gpt2")))
    assert (tied.kind, set(tied.names)) == ("tied", {"transformer.wte.weight", "lm_head.weight"})


def test_t5_ties_three_embeddings_and_a_head() -> None:
    groups = sharing(modules(built("t5")))
    names = {name.removesuffix(".weight") for group in groups for name in group.names}
    assert {"shared", "encoder.embed_tokens", "decoder.embed_tokens"} <= names
