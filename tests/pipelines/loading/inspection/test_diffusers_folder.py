"""A folder in diffusers' layout: what it is, or why it is not opened, before any library sees it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from pipelines.errors.models import ModelDamaged, ModelError, UnsafeModel, UnsupportedModel
from pipelines.image import ImagePipeline
from pipelines.loading.inspection import diffusers_classes, diffusers_folder
from pipelines.loading.inspection.weights import check_model
from pipelines.types.image import ImageRequest
from pipelines.types.model import ImageDefaults
from tests.pipelines import tiny_images

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_images.sd(tmp_path_factory.mktemp("folder") / "sd")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


def change_index(folder: Path, **changes: object) -> None:
    file = folder / "model_index.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_whole_folder_says_what_it_is(whole):
    found = check_model(whole, "sd")
    assert found.file_format == "diffusers" and found.architectures == ("StableDiffusionPipeline",)
    assert found.tasks == ("text-to-image", "image-to-image", "inpaint", "outpaint")
    assert found.defaults == ImageDefaults(64, 64, 50, 7.5)
    assert found.size_bytes == sum(file.stat().st_size for file in whole.rglob("*.safetensors"))
    assert found.parameters == sum(t.numel() for file in whole.rglob("*.safetensors") for t in load_file(file).values())


@pytest.mark.parametrize("name", ["sd-turbo", "SDXL-Lightning", "flux1-schnell", "lcm-dreamshaper", "Sana_Sprint"])
def test_a_distilled_model_gets_few_steps_and_no_guidance(name, whole):
    defaults = check_model(whole, name).defaults
    assert defaults is not None and defaults.steps == 4 and defaults.guidance_scale == 0.0


@pytest.mark.parametrize("name", ["FLUX.2-klein-base-4B", "flux-dev-de-distill"])
def test_a_model_that_is_not_distilled_gets_all_steps(name, whole):
    assert check_model(whole, name).defaults == ImageDefaults(64, 64, 50, 7.5)


@pytest.mark.parametrize(
    ("class_name", "steps"), [("FluxPipeline", 4), ("Flux2Pipeline", 50), ("Flux2KleinPipeline", 50)]
)
def test_only_of_the_first_flux_no_embedded_guidance_means_few_steps(class_name, steps):
    pipeline = diffusers_classes.find_class(class_name)
    assert pipeline is not None
    configs = {"transformer": {"guidance_embeds": False}}
    assert diffusers_folder.defaults_of(pipeline, "mine", configs, {}).steps == steps


def _pickles_only(folder: Path) -> None:
    for file in (folder / "unet").glob("*.safetensors"):
        file.with_suffix(".bin").write_bytes(b"\x80\x04K\x01.")
        file.unlink()


def _pickle_in_disguise(folder: Path) -> None:
    next((folder / "unet").glob("*.safetensors")).write_bytes(b"\x80\x04K\x01.")


def _cut_short(folder: Path) -> None:
    file = next((folder / "vae").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-9])


def _pointer(folder: Path) -> None:
    next((folder / "vae").glob("*.safetensors")).write_text("version https://git-lfs.github.com/spec/v1\n")


def _missing_part(folder: Path) -> None:
    shutil.rmtree(folder / "text_encoder")


def _missing_weights(folder: Path) -> None:
    next((folder / "vae").glob("*.safetensors")).unlink()


def _missing_shard(folder: Path) -> None:
    index = {"weight_map": {"conv_in.weight": "diffusion_pytorch_model-00002-of-00002.safetensors"}}
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


def _code_beside(folder: Path) -> None:
    (folder / "unet" / "my_unet.py").write_text("raise SystemExit")


def _auto_map(folder: Path) -> None:
    file = folder / "text_encoder" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "auto_map": {"AutoModel": "code.Model"}}))


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (_pickles_only, UnsafeModel),
        (_pickle_in_disguise, UnsafeModel),
        (_cut_short, ModelDamaged),
        (_pointer, ModelDamaged),
        (_missing_part, ModelDamaged),
        (_missing_weights, ModelDamaged),
        (_missing_shard, ModelDamaged),
        (_code_beside, UnsafeModel),
        (_auto_map, UnsafeModel),
    ],
)
def test_a_harmed_folder_is_refused_before_it_is_loaded(harm, error, folder):
    harm(folder)
    with pytest.raises(error) as caught:
        check_model(folder, "sd")
    assert caught.value.say("en") != caught.value.say("zh")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"_class_name": ["my_pipeline", "MyPipeline"]}, UnsafeModel),
        ({"_class_name": "../../etc/passwd"}, UnsafeModel),
        ({"_class_name": None}, UnsafeModel),
        ({"_class_name": "NoSuchPipeline"}, UnsupportedModel),
        ({"_class_name": "HunyuanVideoPipeline"}, UnsupportedModel),
        ({"_class_name": "MusicLDMPipeline"}, UnsupportedModel),
        ({"_class_name": "StableDiffusionControlNetPipeline"}, UnsupportedModel),
        ({"unet": ["my_module", "MyUNet"]}, UnsafeModel),
        ({"unet": ["os", "system"]}, UnsafeModel),
        ({"unet": ["..", "x"]}, UnsafeModel),
        ({"unet": ["diffusers.utils", "UNet2DConditionModel"]}, UnsafeModel),
        ({"unet": ["diffusers", "UNet2DConditionModel", "x"]}, UnsafeModel),
        ({"../unet": ["diffusers", "UNet2DConditionModel"]}, UnsafeModel),
        ({"custom_pipeline": "hacker/code"}, UnsafeModel),
    ],
)
def test_an_index_that_asks_for_code_or_makes_no_pictures_is_refused(changes, error, folder):
    change_index(folder, **changes)
    with pytest.raises(error):
        check_model(folder, "sd")


@given(
    st.dictionaries(
        st.sampled_from(["_class_name", "unet", "vae", "tokenizer", "x", "_y", "__class__"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=5,
    )
)
@settings(deadline=None, max_examples=100)
def test_any_index_is_read_or_plainly_refused(whole, tmp_path_factory, index):
    folder = tmp_path_factory.mktemp("any")
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError):
        check_model(folder, "any")


def test_a_component_that_is_no_model_is_not_loaded(folder):
    change_index(folder, unet=["diffusers", "StableDiffusionPipeline"])
    with pytest.raises(UnsupportedModel):
        ImagePipeline.on_this_machine(device="cpu").generate(ImageRequest(str(folder), prompt="a cat", steps=1))


def test_a_file_that_leaves_weights_unset_is_refused(folder):
    file = next((folder / "unet").glob("*.safetensors"))
    tensors = load_file(file)
    del tensors["conv_in.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ModelDamaged, match=r"unet are missing \(conv_in\.weight\)"):
        ImagePipeline.on_this_machine(device="cpu").generate(ImageRequest(str(folder), prompt="a cat", steps=1))


def test_a_variant_is_taken_where_it_is_all_there_is(folder):
    file = next((folder / "unet").glob("*.safetensors"))
    file.rename(file.with_name("diffusion_pytorch_model.fp16.safetensors"))
    variants = {part.name: part.variant for part in diffusers_folder.check(folder, "sd").components}
    assert variants == {"unet": "fp16", "vae": "", "text_encoder": ""}
    result = ImagePipeline.on_this_machine(device="cpu").generate(ImageRequest(str(folder), prompt="a cat", steps=1))
    assert result.images


def test_pickles_beside_safetensors_are_left_alone(folder):
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04K\x01.")
    assert check_model(folder, "sd").tasks


def test_a_safety_checker_that_was_not_fetched_is_done_without(folder):
    change_index(folder, safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"])
    assert diffusers_folder.check(folder, "sd").absent == ("safety_checker",)
    result = ImagePipeline.on_this_machine(device="cpu").generate(ImageRequest(str(folder), prompt="a cat", steps=1))
    assert result.images


def test_the_oldest_layout_has_everything_in_one_folder(tmp_path):
    folder = tiny_images.ddpm(tmp_path / "flat", is_flat=True)
    assert check_model(folder, "ddpm").tasks == ("text-to-image",)
    result = ImagePipeline.on_this_machine(device="cpu").generate(ImageRequest(str(folder), steps=2, count=2))
    assert [image.size for image in result.images] == [(16, 16)] * 2


def test_looking_needs_no_torch(whole):
    code = (
        "import sys; from pathlib import Path; from pipelines.loading.inspection.weights import check_model;"
        f"check_model(Path({str(whole)!r}), 'sd');"
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# ── what diffusers' own tables say ────────────────────────────────────────────────────────────────────────────────────


def test_the_tables_are_those_that_diffusers_has():
    from diffusers.pipelines import auto_pipeline

    for task, table in diffusers_classes.TABLES.items():
        names = {cls.__name__ for cls in getattr(auto_pipeline, table).values()}
        assert names and all(diffusers_classes.class_for(name, task) for name in names)
        for kind, cls in getattr(auto_pipeline, table).items():
            found = diffusers_classes.class_for(cls.__name__, task)
            assert found == cls.__name__ or auto_pipeline._get_model(cls.__name__) != kind


def test_a_signature_is_the_one_of_the_class():
    import inspect

    import diffusers

    for name in ("StableDiffusionXLPipeline", "FluxPipeline", "DDPMPipeline", "QwenImagePipeline", "ZImagePipeline"):
        found = diffusers_classes.find_class(name)
        parameters = inspect.signature(getattr(diffusers, name).__call__).parameters
        assert found is not None and found.takes == set(parameters) - {"self", "args", "kwargs"}
        plain = {key: value for key, value in found.defaults.items() if value is not None}
        assert all(parameters[key].default == value for key, value in plain.items())


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("StableDiffusionPipeline", {"text-to-image", "image-to-image", "inpaint", "outpaint"}),
        ("QwenImagePipeline", {"text-to-image", "image-to-image", "inpaint", "outpaint"}),
        ("QwenImageEditPipeline", {"edit", "inpaint", "outpaint"}),
        ("Flux2KleinPipeline", {"text-to-image", "edit"}),
        ("Lumina2Pipeline", {"text-to-image", "image-to-image", "inpaint", "outpaint"}),
        ("AuraFlowPipeline", {"text-to-image", "image-to-image", "inpaint", "outpaint"}),
        ("KolorsPipeline", {"text-to-image", "image-to-image", "inpaint", "outpaint"}),
        ("DDIMPipeline", {"text-to-image"}),
        ("KandinskyV22Pipeline", set()),  # half a model: its prior is another repository
        ("StableVideoDiffusionPipeline", set()),
        ("AudioLDM2Pipeline", set()),
        ("ShapEPipeline", set()),
        ("NoSuchPipeline", set()),
    ],
)
def test_what_a_class_can_do(name, tasks):
    assert set(diffusers_classes.tasks_of(name, has_vae=True, paints_only=False)) == tasks


def test_the_rows_of_image_models_say_what_their_class_can_do():
    """Where the class of a row's model is known; the rest is checked when its files are here."""
    classes: dict[str, str] = {
        "stabilityai/sd-turbo": "StableDiffusionPipeline",
        "stabilityai/stable-diffusion-xl-base-1.0": "StableDiffusionXLPipeline",
        "SimianLuo/LCM_Dreamshaper_v7": "LatentConsistencyModelPipeline",
        "black-forest-labs/FLUX.1-schnell": "FluxPipeline",
        "black-forest-labs/FLUX.1-Kontext-dev": "FluxKontextPipeline",
        "black-forest-labs/FLUX.2-klein-4B": "Flux2KleinPipeline",
        "Tongyi-MAI/Z-Image-Turbo": "ZImagePipeline",
        "Qwen/Qwen-Image": "QwenImagePipeline",
        "Qwen/Qwen-Image-Edit": "QwenImageEditPipeline",
        "PixArt-alpha/PixArt-Sigma-XL-2-1024-MS": "PixArtSigmaPipeline",
        "Efficient-Large-Model/Sana_1600M_1024px_diffusers": "SanaPipeline",
        "timbrooks/instruct-pix2pix": "StableDiffusionInstructPix2PixPipeline",
        "google/ddpm-cat-256": "DDPMPipeline",
    }
    rows = {row["id"]: row for row in json.loads((ROOT / "assets/catalog/image.json").read_text())}
    tasks_of: Callable = diffusers_classes.tasks_of
    for model, name in classes.items():
        has_vae = name != "DDPMPipeline"
        assert tuple(rows[model]["tasks"]) == tasks_of(name, has_vae=has_vae, paints_only=False), model
