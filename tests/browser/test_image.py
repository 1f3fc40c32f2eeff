"""The Image tab: a person makes pictures with a tiny model, and nothing they do loses what they started."""

import json
import re
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import expect

from pipelines.networks import generators, latent_map
from pipelines.networks.generators import GeneratorConfig
from pipelines.provenance import pictures, recipe
from pipelines.types.image import ImageRequest
from tests.browser import draw
from tests.browser.conftest import OpenPage
from tests.pipelines import tiny_images
from tests.server import StudioServer


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights that draws 64 × 64 pixels of noise, the same for the same seed."""
    return tiny_images.sd(tmp_path_factory.mktemp("models") / "tiny-sd")


def same(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None


def test_a_newcomer_draws_with_the_starter_model(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    draw.open_images(page)
    expect(page.locator("#image-model input")).to_have_value(re.compile("OpenMoji 128"))
    page.locator("#image-examples button").first.click()
    expect(page.locator("#image-prompt textarea")).to_have_value("red apple")
    draw.make(page, 4)
    expect(page.locator("#image-facts")).to_contain_text("OpenMoji 128 · 10 steps")
    apple = draw.shown_picture(page)
    red, green, blue = (band.histogram() for band in apple.convert("RGB").split())
    assert apple.size == (128, 128) and sum(red[160:]) > 1.2 * max(sum(green[160:]), sum(blue[160:]))


def test_the_first_pictures(studio: StudioServer, open_page: OpenPage, folder: Path) -> None:
    page = open_page(studio.url)
    draw.open_images(page)
    draw.choose(page, folder)
    expect(page.locator("#image-note")).to_contain_text("50 steps, guidance scale 7.5")
    expect(page.locator("#image-mode")).not_to_contain_text("Upscale")
    page.locator("#image-examples button").first.click()
    expect(page.locator("#image-prompt textarea")).to_have_value("red apple")
    draw.enter(page, "steps", "3")
    expect(page.locator("#image-guidance").locator("input, textarea")).to_have_attribute("placeholder", "7.5")
    draw.count(page, 2)
    draw.make(page, 2)
    facts = page.locator("#image-facts").inner_text()
    assert re.search(r"tiny-sd · 3 steps · [\d.]+ steps/s · 64 × 64 · seed \d+–\d+ · ", facts), facts
    expect(page.locator("#image-recent img")).to_have_count(2)
    assert draw.shown_picture(page).size == (64, 64)
    assert not same(draw.shown_picture(page, 0), draw.shown_picture(page, 1)), "different seeds differ"


def test_a_look_is_seen_before_the_end_and_stop_ends_it(
    studio: StudioServer, open_page: OpenPage, folder: Path
) -> None:
    page = open_page(studio.url)
    draw.ready_for_long(page, folder)
    draw.run(page)
    draw.wait_for_preview(page)
    expect(page.locator("#image-stage")).to_contain_text(re.compile(r"step \d+ of 500 · [\d.]+ steps/s · .+ left"))
    expect(page.locator("#image-stage [role=progressbar]")).to_be_visible()
    page.locator("#image-stop").click()
    expect(page.locator("#image-stage")).to_contain_text("stopped before a picture was finished")
    expect(page.locator("#image-stop")).to_be_disabled()


def test_a_reload_in_the_middle_finds_the_work_and_the_settings(
    studio: StudioServer, open_page: OpenPage, folder: Path
) -> None:
    page = open_page(studio.url)
    draw.ready_for_long(page, folder, "a blue cat on a mat")
    draw.run(page)
    draw.wait_for_preview(page)
    page.reload()
    draw.open_images(page)
    draw.wait_for_preview(page)
    expect(page.locator("#image-prompt textarea")).to_have_value("a blue cat on a mat")
    expect(page.locator("#image-model input")).to_have_value(str(folder))
    expect(page.locator("#image-stage")).to_contain_text("of 500")
    page.locator("#image-stop").click()
    expect(page.locator("#image-stage")).to_contain_text("stopped before")


def test_several_wait_with_their_place_and_each_has_its_stop(
    studio: StudioServer, open_page: OpenPage, folder: Path
) -> None:
    page = open_page(studio.url)
    draw.ready_for_long(page, folder, "the first")
    draw.run(page)
    draw.wait_for_preview(page)
    draw.say(page, "the second")
    draw.run(page)
    waiting = page.locator("#image-queue li")
    expect(waiting).to_have_count(1)
    expect(page.locator("#image-stage")).to_contain_text("ahead of you")
    expect(waiting).to_contain_text("the first")
    waiting.get_by_role("button", name="Show").click()
    draw.wait_for_preview(page)
    expect(waiting).to_contain_text("the second")
    waiting.get_by_role("button", name="Stop").click()
    expect(waiting).to_have_count(0)
    expect(page.locator("#image-stage")).to_contain_text("of 500")
    page.locator("#image-stop").click()
    expect(page.locator("#image-stop")).to_be_disabled()


def test_a_mask_drawn_with_the_mouse_is_painted_anew_and_the_rest_stays(
    studio: StudioServer, open_page: OpenPage, folder: Path, tmp_path: Path
) -> None:
    given = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    given.save(tmp_path / "given.png")
    page = open_page(studio.url)
    draw.ready(page, folder)
    draw.mode(page, "Brush")
    draw.bring_picture(page, tmp_path / "given.png")
    draw.run(page)
    expect(draw.toast(page)).to_contain_text("The mask is empty")
    draw.close_toasts(page)
    draw.paint(page)
    draw.make(page)
    made = draw.shown_picture(page).convert("RGB")
    difference = ImageChops.difference(made, given)
    assert difference.getpixel((32, 32)) != (0, 0, 0), "where it was painted"
    assert difference.crop((0, 0, 64, 16)).getbbox() is None, "above it"
    assert difference.crop((0, 48, 64, 64)).getbbox() is None, "below it"
    page.locator("#image-compare").click()
    slider = page.locator("#image-compared input[type=range]")
    slider.focus()
    slider.press("Home")
    expect(page.locator("#image-compared .compare")).to_have_attribute("style", re.compile("--at: *0%"))
    page.reload()
    draw.open_images(page)
    page.wait_for_function("() => document.querySelector('#image-box .picture-shown')?.naturalWidth === 64")
    expect(page.locator("#image-box canvas")).to_be_visible()
    draw.make(page)  # picture and mask are still there


def test_a_result_becomes_the_input_of_the_next(studio: StudioServer, open_page: OpenPage, folder: Path) -> None:
    page = open_page(studio.url)
    draw.ready(page, folder)
    draw.make(page)
    first = draw.sources(page)[0].rpartition("/")[2]
    page.locator("#image-as-input").click()
    expect(page.locator("#image-mode input:checked + span")).to_have_text("From a picture")
    page.wait_for_function("() => document.querySelector('#image-box .picture-shown')?.naturalWidth === 64")
    draw.make(page)
    second = draw.sources(page)[0].rpartition("/")[2]
    sidecar = next((studio.home / "library").glob(f"*/{second}.json"))
    assert json.loads(sidecar.read_text())["parents"] == [first]
    assert sidecar.with_suffix(".image.png").exists()


def test_a_picture_dropped_on_the_page_brings_its_settings_back(
    studio: StudioServer, open_page: OpenPage, folder: Path, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    draw.ready(page, folder, "a dog with an apple", pictures=2)
    draw.enter(page, "seed", "4242")
    draw.make(page, 2)
    page.locator("#image-stage .tile-pick").nth(1).click()
    expect(page.locator("#image-stage .tile-pick").nth(1)).to_have_attribute("aria-pressed", "true")
    wanted = draw.shown_picture(page, 1)
    for name, suffix in (("PNG", ".png"), ("WebP", ".webp"), ("JPEG", ".jpeg")):
        with page.expect_download() as download:
            page.locator("#image-download").get_by_text(name, exact=True).click()
        file = tmp_path / f"dropped{suffix}"
        download.value.save_as(file)
        assert recipe.read(file)["request"]["prompt"] == "a dog with an apple"

    other = open_page(studio.url)
    draw.open_images(other)
    draw.choose(other, folder)
    draw.drop_file(other, "#image-stage", tmp_path / "dropped.png")
    expect(other.locator("#image-prompt textarea")).to_have_value("a dog with an apple")
    expect(other.locator("#image-seed").locator("input, textarea")).to_have_value("4243")
    draw.make(other)
    assert same(draw.shown_picture(other), wanted), "the same recipe gives the same pixels"


def test_a_picture_dropped_on_the_library_opens_the_image_tab(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    made = recipe.make(ImageRequest("no-such-model", prompt="a boat", steps=7, seed=3))
    (tmp_path / "boat.webp").write_bytes(pictures.encode(Image.new("RGB", (8, 8)), made, "webp"))
    page = open_page(studio.url)
    page.get_by_role("tab", name="Library", exact=True).click()
    expect(page.locator("#library-search")).to_be_visible()
    page.locator("#library-drop input[type=file]").set_input_files(tmp_path / "boat.webp")
    expect(page.locator("#image-prompt textarea")).to_have_value("a boat")
    expect(page.locator("#image-seed").locator("input, textarea")).to_have_value("3")


def test_settings_of_another_studio_are_read(studio: StudioServer, open_page: OpenPage, tmp_path: Path) -> None:
    text = PngInfo()
    text.add_text("parameters", "a castle\nNegative prompt: fog\nSteps: 21, Sampler: Euler a, CFG scale: 6, Seed: 5")
    Image.new("RGB", (8, 8)).save(tmp_path / "castle.png", pnginfo=text)
    page = open_page(studio.url)
    draw.open_images(page)
    draw.drop_file(page, "#image-stage", tmp_path / "castle.png")
    expect(page.locator("#image-prompt textarea")).to_have_value("a castle")
    page.locator("#image-more > button").click()
    for field, value in (("steps", "21"), ("guidance", "6"), ("negative", "fog")):
        expect(page.locator(f"#image-{field}").locator("input, textarea")).to_have_value(value)
    expect(page.locator("#image-scheduler input")).to_have_value("Euler a")


def test_the_library_finds_pictures_and_opens_them_filled_in(
    studio: StudioServer, open_page: OpenPage, folder: Path
) -> None:
    page = open_page(studio.url)
    draw.ready(page, folder, "an apple on a mat")
    draw.make(page)
    page.get_by_role("tab", name="Library", exact=True).click()
    page.locator("#library-kind").get_by_text("Pictures", exact=True).click()
    card = page.locator("#library-items article")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("From words")
    page.wait_for_function("() => document.querySelector('#library-items img')?.naturalWidth > 0")
    page.locator("#library-kind").get_by_text("Texts", exact=True).click()
    expect(card).to_have_count(0)
    page.locator("#library-kind").get_by_text("All", exact=True).click()
    card.get_by_role("button", name="Open").click()
    expect(page.locator("#image-prompt textarea")).to_have_value("an apple on a mat")
    expect(draw.tiles(page)).to_have_count(1)
    page.locator("#image-star").click()
    expect(page.locator("#image-star")).to_have_text("Unstar")


def test_a_retouched_picture_is_a_new_one(studio: StudioServer, open_page: OpenPage, folder: Path) -> None:
    page = open_page(studio.url)
    draw.ready(page, folder)
    draw.make(page)
    before, first = draw.shown_picture(page), draw.sources(page)
    page.locator("#image-retouch").click()
    draw.enter(page, "crop-left", "64")
    page.locator("#image-retouch-save").click()
    expect(draw.toast(page)).to_contain_text("must lie between 0 and 63")
    draw.enter(page, "crop-left", "16")
    page.locator("#image-turn").get_by_text("90°", exact=True).click()
    page.locator("#image-retouch-save").click()
    page.wait_for_function(
        "first => !document.querySelector('#image-stage .tile img')?.src.includes(first)", arg=first[0]
    )
    draw.wait_until_done(page)
    wanted = before.crop((16, 0, 64, 64)).transpose(Image.Transpose.ROTATE_270)
    assert same(draw.shown_picture(page), wanted)
    expect(page.locator("#image-recent img")).to_have_count(2)


def test_private_pictures_are_shown_and_kept_nowhere(studio: StudioServer, open_page: OpenPage, folder: Path) -> None:
    page = open_page(studio.url)
    draw.ready(page, folder, "a secret red cat")
    page.locator("#image-private input").check()
    draw.make(page)
    (source,) = draw.sources(page)
    assert source.startswith("data:image/png;base64,")
    expect(page.locator("#image-recent")).to_contain_text("Finished pictures stand here")
    expect(page.locator("#image-star")).to_have_count(0)
    with page.expect_download() as download:
        page.locator("#image-download").get_by_role("link").click()
    with Image.open(BytesIO(Path(download.value.path()).read_bytes())) as saved:
        assert saved.size == (64, 64)

    def is_gone() -> bool:
        return all(path.suffix in (".log", ".db-wal") for path in studio.files_with("a secret red cat"))

    for _ in range(60):
        if is_gone():
            break
        page.wait_for_timeout(500)
    assert is_gone()
    expect(draw.tiles(page)).to_have_count(1)  # it stands on the page as long as that is open


def test_a_prompt_is_enriched_and_taken_back(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    draw.open_images(page)
    draw.say(page, "a castle by the sea")
    page.locator("#image-enrich").click()
    box = page.locator("#image-prompt textarea")
    expect(box).not_to_have_value("a castle by the sea")
    assert len(box.input_value()) > 20
    page.locator("#image-undo").click()
    expect(box).to_have_value("a castle by the sea")
    expect(page.locator("#image-undo")).to_be_hidden()


def test_bad_pictures_are_said_plainly_and_nothing_is_lost(
    studio: StudioServer, open_page: OpenPage, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("These are words.")
    (tmp_path / "huge.png").write_bytes(png_of(30_000, 30_000))
    Image.effect_noise((64, 64), 50).save(tmp_path / "torn.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "torn.png").read_bytes()[:2000])
    page = open_page(studio.url)
    draw.ready(page, folder, "what I wrote")
    draw.mode(page, "From a picture")
    chooser = page.locator("#image-box input[type=file]")
    for name, said in (
        ("text.png", "could not be opened as a picture"),
        ("huge.png", "more than 64 megapixels"),
        ("torn.png", "damaged"),
    ):
        chooser.set_input_files(tmp_path / name)
        expect(draw.toast(page)).to_contain_text(said)
        draw.close_toasts(page)
    draw.run(page)
    expect(draw.toast(page)).to_contain_text("A picture is missing")
    draw.close_toasts(page)
    draw.drop_file(page, "#image-stage", tmp_path / "text.png")
    expect(draw.toast(page)).to_contain_text("gives no settings back")
    expect(page.locator("#image-prompt textarea")).to_have_value("what I wrote")


def test_bad_settings_are_said_plainly_and_nothing_is_lost(
    studio: StudioServer, open_page: OpenPage, folder: Path
) -> None:
    page = open_page(studio.url)
    draw.ready(page, folder, "what I wrote")
    for field, value, said in (
        ("steps", "5000", "“steps” is 5000; it must lie between 1 and 500"),
        ("width", "many", "must lie between 8 and 4096"),
        ("seed", "-5", "“seed” is -1"),
    ):
        draw.enter(page, field, value)
        draw.run(page)
        expect(draw.toast(page)).to_contain_text(said)
        draw.close_toasts(page)
        expect(page.locator(f"#image-{field}").locator("input, textarea")).to_have_value(value)
        draw.enter(page, field, "")
    draw.say(page, " ")
    draw.run(page)
    expect(page.locator("#image-stage")).to_contain_text("There is nothing to work on yet")
    expect(page.locator("#image-again")).to_be_visible()


def png_of(width: int, height: int) -> bytes:
    """A white PNG file, as small as its rows can be packed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"\xff" * ((width + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_in_chinese(studio: StudioServer, open_page: OpenPage, folder: Path) -> None:
    page = open_page(studio.url, locale="zh-CN")
    draw.open_images(page, "图像")
    expect(page.locator("#image-run")).to_have_text("生成图片")
    draw.choose(page, folder)
    expect(page.locator("#image-note")).to_contain_text("适合 64 × 64 像素")
    draw.say(page, "一只猫")
    draw.count(page, 1)
    draw.enter(page, "steps", "5000")
    draw.run(page)
    expect(draw.toast(page)).to_contain_text("“步数”的值是 5000")
    draw.close_toasts(page)
    draw.enter(page, "steps", "3")
    draw.run(page)
    expect(draw.tiles(page)).to_have_count(1)
    expect(page.locator("#image-facts")).to_contain_text("种子")
    expect(page.locator("#image-retouch")).to_have_text("裁剪与旋转")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_sideways_scroll(studio: StudioServer, open_page: OpenPage, folder: Path, width: int, scheme: str) -> None:
    page = open_page(studio.url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    draw.ready(page, folder, pictures=2)
    draw.mode(page, "Outpaint")
    draw.mode(page, "Brush")
    draw.mode(page, "From words")
    draw.make(page, 2)
    page.locator("#image-retouch").click()
    expect(page.locator("#image-retouch-save")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px too wide"


def test_what_only_some_models_have_is_there_with_them(
    own_studio: StudioServer, open_page: OpenPage, folder: Path
) -> None:
    # 1 A model with an adapter of its own, and one that takes no words
    models = own_studio.home / "models"
    (models / "blue").mkdir(parents=True)
    (models / "blue" / "model.json").write_text(json.dumps({"is_adapter": True, "base": str(folder)}))
    (models / "noise").mkdir()
    config = GeneratorConfig(latent=3, side=64, channels=3, width=4)
    network = generators.build(config)
    for parameter in network.parameters():
        parameter.data *= 10  # the weights that a training starts from make everything grey
    generators.write(network, config, models / "noise")
    plane = latent_map.LatentMap(
        (0.0,) * 3, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), ("one", "<b>"), ((1.0, 1.0, 0), (-1.0, 0.0, 1))
    )
    latent_map.write(plane, Image.new("RGB", (80, 80), "white"), models / "noise")

    # 2 One press lays the adapter over its base
    page = open_page(own_studio.url)
    draw.open_images(page)
    draw.choose(page, folder)
    chip = page.locator("#image-adapters-offered button")
    expect(chip).to_have_text("blue")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "false")

    # 3 The other has a slider for each of its numbers, and goes from one seed to another
    draw.name_model(page, "noise")  # nothing is said of its size: its sliders tell that the page has seen it
    sliders = page.locator("#image-latent input")
    expect(sliders).to_have_count(3)
    expect(chip).to_have_count(0)
    draw.enter(page, "seed", "3")
    draw.enter(page, "toward", "9")
    sliders.first.focus()
    sliders.first.press("ArrowRight")
    draw.count(page, 2)
    draw.make(page, 2)
    expect(page.locator("#image-facts")).to_contain_text("seed 3 → 9")
    assert not same(draw.shown_picture(page, 0), draw.shown_picture(page, 1))
    page.locator("#image-use").click()
    expect(sliders.first).to_have_value("0.1")

    # 4 A place of its map is drawn by a press on it; from there to the next goes a row
    field = page.locator("#image-map .map-field")
    expect(field.locator("circle")).to_have_count(3)  # two pictures and the mark
    expect(page.locator("#image-map .map-legend")).to_have_text("one<b>")
    box = field.bounding_box()
    assert box is not None
    field.click(position={"x": box["width"] * 0.8, "y": box["height"] * 0.2})
    expect(page.locator("#image-facts")).to_contain_text(re.compile(r"at 1\.\d+, 1\.\d+ "))
    expect(draw.tiles(page)).to_have_count(1)
    page.locator("#image-map [name=walks]").check()
    field.focus()
    for key in ("ArrowLeft", "ArrowDown", "Enter"):
        field.press(key)
    expect(page.locator("#image-facts")).to_contain_text(re.compile(r"at 1\.\d+, 1\.\d+ → 1\.\d+, 1\.\d+ "))
    expect(draw.tiles(page)).to_have_count(2)
    expect(field.locator("polyline")).to_have_attribute("points", re.compile(r"^1\.\d+,-1\.\d+ 1\.\d+,-1\.\d+$"))
    page.locator("#image-map [name=leave]").click()
    expect(field.locator(".map-mark")).to_be_hidden()
    draw.make(page, 2)
    expect(page.locator("#image-facts")).to_contain_text("seed 3 → 9")
