"""What a person does in the Image tab again and again."""

from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect

LONG = 500  # steps
LARGE = "768"  # pixels: with so many steps long enough to do something in the middle, on any machine


def open_images(page: Page, name: str = "Image") -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    expect(page.locator("#image-examples button").first).to_be_visible()
    expect(page.locator("#image-stage .stage")).to_be_visible()


def name_model(page: Page, model: str) -> None:
    box = page.locator("#image-model input")
    box.click()
    box.press("Control+a")
    box.press_sequentially(model)
    box.press("Enter")


def choose(page: Page, folder: Path) -> None:
    """Paste the folder of a model; returns when the page has seen what it is."""
    name_model(page, str(folder))
    expect(page.locator("#image-note")).to_contain_text("64 × 64")
    page.locator("#image-prompt textarea").click()  # the list of models closes


def say(page: Page, prompt: str) -> None:
    box = page.locator("#image-prompt textarea")
    box.click()
    box.press("Control+a")
    box.press_sequentially(prompt)
    expect(box).to_have_value(prompt)


def enter(page: Page, field: str, value: str) -> None:
    """Type into one of the small boxes; those below “More settings” after opening it."""
    box = page.locator(f"#image-{field}").locator("input, textarea")
    if not box.is_visible():
        page.locator("#image-more > button").click()
        expect(box).to_be_visible()
    box.click()
    box.press("Control+a")
    box.press("Delete")
    box.press_sequentially(value)
    box.blur()
    expect(box).to_have_value(value)


def count(page: Page, pictures: int) -> None:
    box = page.locator("#image-count input[type=number]")
    box.click()
    box.press("Control+a")
    box.press_sequentially(str(pictures))
    box.blur()
    expect(box).to_have_value(str(pictures))


def mode(page: Page, name: str) -> None:
    page.locator("#image-mode").get_by_text(name, exact=True).click()


def ready(page: Page, folder: Path, prompt: str = "a red apple", steps: int = 3, pictures: int = 1) -> None:
    """The Image tab, filled in."""
    open_images(page)
    choose(page, folder)
    say(page, prompt)
    count(page, pictures)
    enter(page, "steps", str(steps))


def ready_for_long(page: Page, folder: Path, prompt: str = "a red apple") -> None:
    """The same, with a picture that takes minutes: only Stop ends it."""
    ready(page, folder, prompt, steps=LONG)
    enter(page, "width", LARGE)
    enter(page, "height", LARGE)


def run(page: Page) -> None:
    page.locator("#image-run").click()


def tiles(page: Page) -> Locator:
    return page.locator("#image-stage .tile-pick img")


def wait_until_done(page: Page, pictures: int = 1) -> None:
    """Wait for the pictures, loaded, and the line of facts."""
    expect(tiles(page)).to_have_count(pictures)
    expect(page.locator("#image-facts")).to_contain_text("seed")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#image-stage .tile img')].every(one => one.complete && one.naturalWidth > 0)"
    )


def make(page: Page, pictures: int = 1) -> None:
    """Run, and wait for pictures that were not there before."""
    before = sources(page)
    run(page)
    page.wait_for_function(
        """before => { const now = [...document.querySelectorAll('#image-stage .tile img')].map(one => one.src);
                       return now.length && !now.some(one => before.includes(one)) }""",
        arg=before,
    )
    wait_until_done(page, pictures)


def sources(page: Page) -> list[str]:
    return list(page.evaluate("() => [...document.querySelectorAll('#image-stage .tile img')].map(one => one.src)"))


def wait_for_preview(page: Page) -> None:
    """A look at the unfinished picture, really loaded."""
    page.wait_for_function("() => document.querySelector('#image-stage img.preview')?.naturalWidth > 0")


def shown_picture(page: Page, number: int = 0) -> Image.Image:
    """The picture on the stage, fetched as the page fetches it."""
    answer = page.request.get(sources(page)[number])
    assert answer.ok and answer.headers["content-type"] == "image/png"
    return Image.open(BytesIO(answer.body()))


def bring_picture(page: Page, path: Path) -> None:
    """Choose a file in the box of the input picture, and see it there."""
    page.locator("#image-box input[type=file]").set_input_files(path)
    page.wait_for_function("() => document.querySelector('#image-box .picture-shown')?.naturalWidth > 0")


def paint(page: Page) -> None:
    """Paint over the middle of the picture with the mouse, from left to right."""
    layer = page.locator("#image-box canvas")
    expect(layer).to_be_visible()
    layer.scroll_into_view_if_needed()
    box = layer.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=8)
    page.mouse.up()


def drop_file(page: Page, target: str, path: Path, media_type: str = "image/png") -> None:
    """Drop a file of this machine on an element, as from a file manager."""
    data = page.evaluate_handle(
        """([bytes, name, type]) => { const all = new DataTransfer();
            all.items.add(new File([new Uint8Array(bytes)], name, { type })); return all }""",
        [list(path.read_bytes()), path.name, media_type],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(target, event, {"dataTransfer": data})


def toast(page: Page) -> Locator:
    return page.get_by_test_id("toast-body").last


def close_toasts(page: Page) -> None:
    """They would go by themselves; whatever comes later is told apart from them."""
    page.evaluate("() => document.querySelectorAll('[data-testid=toast-close]').forEach(one => one.click())")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
