"""ACE-Step over tiny random pipelines in the published layout: the whole real path."""

from pathlib import Path

import pytest

import tiny_acestep


@pytest.mark.parametrize("kind", tiny_acestep.KINDS)
def test_a_tiny_pipeline_is_read_as_a_published_one_would_be(pipelines: Path, kind):
    import diffusers
    import torch

    pipeline = diffusers.AceStepPipeline.from_pretrained(pipelines / kind, local_files_only=True, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    assert (pipeline.sample_rate, pipeline.latents_per_second) == (48_000, 25)
    assert pipeline.is_turbo == (kind == "turbo")
    said = {"prompt": "warm piano", "num_inference_steps": 2, "guidance_scale": 2.0, "shift": 1.0}
    sounds = [
        pipeline(generator=torch.Generator().manual_seed(seed), audio_duration=2.0, **said).audios for seed in (1, 1, 2)
    ]
    assert sounds[0].shape == (1, 2, 96_000) and sounds[0].isfinite().all()
    assert torch.equal(sounds[0], sounds[1]) and not torch.equal(sounds[0], sounds[2])
