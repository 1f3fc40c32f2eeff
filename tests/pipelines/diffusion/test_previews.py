"""What a preview shows comes from the model's own decoder, and costs little."""

from types import SimpleNamespace

import numpy
import torch

from pipelines.diffusion.previews import LinearPreview
from tests.pipelines import tiny_images


def straight_vae(channels: int):
    """An autoencoder whose decoder is linear: all weights that would bend it are cleared."""
    torch.manual_seed(0)
    vae = tiny_images.autoencoder(channels).eval()

    def decode(latents):
        generator = torch.Generator().manual_seed(1)
        weights = torch.randn(channels, 3, generator=generator) * 0.3
        rgb = torch.einsum("nchw,cr->nrhw", latents * 0.18215, weights)
        return SimpleNamespace(sample=torch.nn.functional.interpolate(rgb, scale_factor=8))

    vae.decode = decode
    return vae


def test_the_map_is_found_and_undoes_the_scaling():
    for channels in (4, 16, 32):
        vae = straight_vae(channels)
        preview = LinearPreview(SimpleNamespace(vae=vae, vae_scale_factor=8))
        latents = torch.randn(1, channels, 6, 5, generator=torch.Generator().manual_seed(2))
        rgb = preview._rgb(latents, 40, 48)
        wanted = vae.decode(latents / 0.18215).sample
        shown = torch.nn.functional.interpolate(rgb, scale_factor=2)
        assert numpy.corrcoef(shown.flatten(), wanted.flatten())[0, 1] > 0.99


def test_a_batch_is_shown_in_a_grid():
    preview = LinearPreview(SimpleNamespace(vae=straight_vae(4), vae_scale_factor=8))
    for count, columns, rows in ((1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2)):
        picture = preview.picture(torch.zeros(count, 4, 8, 8), 64, 64)
        assert picture.mode == "RGB" and picture.width * rows == picture.height * columns
        assert max(picture.size) <= 512
    assert max(preview.picture(torch.zeros(9, 4, 128, 128), 1024, 1024).size) == 512
    assert preview.picture(torch.zeros(2, 4, 1, 512), 4096, 8).size == (512, 1)


def test_pixels_are_shown_as_they_are():
    preview = LinearPreview(SimpleNamespace())
    picture = preview.picture(torch.ones(1, 3, 16, 16), 16, 16)
    assert picture.getpixel((0, 0)) == (255, 255, 255)


def test_what_cannot_be_shown_is_not():
    preview = LinearPreview(SimpleNamespace(vae=straight_vae(4), vae_scale_factor=8))
    assert preview.picture(torch.zeros(1, 9, 8, 8), 64, 64) is None
    assert preview.picture(torch.zeros(1, 64, 4), 64, 64) is None
