"""The Models tab over a hub on 127.0.0.1: look, download, pause, go on, cancel, load, pin, remove, in two languages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.hub import LocalHub
from tests.pipelines.tiny_texts import save_causal
from tests.server import StudioServer

TINY, LARGE, GATED = "someone/tiny-llama", "someone/large-llama", "someone/gated-llama"
STARTER = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    tiny = save_causal(tmp_path_factory.mktemp("tiny"))
    large = save_causal(tmp_path_factory.mktemp("large"), hidden_size=256, intermediate_size=1024)
    with LocalHub() as hub:
        about = {"card": {"license": "mit", "language": ["en", "zh"]}, "pipeline_tag": "text-generation"}
        for name in (TINY, "someone/zh-llama", "someone/demo-llama"):
            hub.add(name, tiny, **about)
        hub.add(LARGE, large, **about)
        named = {"architectures": ["LlamaForCausalLM"]}
        hub.add(GATED, tiny, is_gated=True, card={"license": "llama3.2"}, config=named)
        hub.add("someone/pickles", {"config.json": b"{}", "pytorch_model.bin": b"\x80\x02."})
        whisper = b'{"architectures": ["DetrForObjectDetection"]}'
        hub.add("someone/listener", {"config.json": whisper, "model.safetensors": b"x"})
        yield hub


@pytest.fixture(scope="module")
def models_studio(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    folder = tmp_path_factory.mktemp("models-studio")
    environment = {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(folder / "hf"), "HF_TOKEN": ""}
    server = StudioServer(folder / "home", **environment).start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def quick_hub(hub: LocalHub) -> Iterator[None]:
    hub.bytes_per_second = None
    yield
    hub.bytes_per_second = None


def open_models(page: Page, name: str = "Models") -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    expect(page.locator("#models-cards article").first).to_be_visible()


def look_at(page: Page, name: str) -> Locator:
    """Paste a name and look; the card of what it would be."""
    box = page.locator("#models-name").get_by_role("textbox")
    box.fill("")
    box.press_sequentially(name)
    page.locator("#models-look").click()
    found = page.locator("#models-found article")
    expect(found.locator(".line-title")).to_have_text(name)
    return found


def card(page: Page, model: str) -> Locator:
    return page.locator(f'#models-cards [data-model="{model}"]')


def download(page: Page, model: str) -> Locator:
    """The row of a download."""
    return page.locator(f'#models-downloads [data-model="{model}"]')


def search(page: Page, words: str) -> None:
    box = page.locator("#models-search").get_by_role("textbox")
    box.fill("")
    box.press_sequentially(words)


def choose(page: Page, box: str, option: str) -> None:
    page.locator(f"{box} input").click()
    page.get_by_role("option", name=option, exact=True).click()


# ── the catalog ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_catalog_is_searched_and_narrowed(models_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(models_studio.url)
    open_models(page)
    cards = page.locator("#models-cards article")
    starter = card(page, "smollm2-135m-instruct")
    expect(starter).to_contain_text("Apache-2.0")
    expect(starter).to_contain_text("98 MB")
    search(page, "deepseek 1.5b")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("fp32")
    search(page, "")
    expect(cards.nth(10)).to_be_visible()
    choose(page, "#models-task", "Fill the mask")
    expect(page.locator("#models-count")).to_contain_text(re.compile(r"\b8 of \d+ models"))
    expect(card(page, "google-bert/bert-base-chinese")).to_be_visible()
    choose(page, "#models-task", "Chat")
    choose(page, "#models-size", "over 20 GB")
    expect(card(page, "Qwen/Qwen3-30B-A3B-Instruct-2507")).to_contain_text("half precision")
    page.locator("#models-fitting input").check()
    expect(card(page, "Qwen/Qwen3-30B-A3B-Instruct-2507")).to_have_count(0)
    choose(page, "#models-size", "Any")
    choose(page, "#models-licence", "with conditions")
    expect(card(page, "google/gemma-3-1b-it")).to_contain_text("asks for a licence")
    expect(card(page, "Qwen/Qwen3-0.6B")).to_have_count(0)
    choose(page, "#models-licence", "Any")
    page.locator("#models-here input").check()
    expect(cards.first).to_contain_text("SmolLM2 135M")


# ── adding ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_model_is_looked_at_downloaded_and_offered(
    models_studio: StudioServer, open_page: OpenPage, hub: LocalHub
) -> None:
    page = open_page(models_studio.url)
    open_models(page)
    found = look_at(page, TINY)
    for words in ("mit", "Chat", "transformers_causal", "model.safetensors", hub.repositories[TINY].commit[:12]):
        expect(found).to_contain_text(words)
    assert hub.bytes_sent("model.safetensors") == 0, "a look fetches no weights"
    hub.bytes_per_second = 60_000
    found.get_by_role("button", name="Download").click()
    row = download(page, TINY)
    expect(row).to_contain_text(re.compile(r"downloading · .* / .*/s · .* left"))
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"[1-9]"))
    hub.bytes_per_second = None
    expect(card(page, TINY)).to_contain_text("Load")
    expect(row).to_have_count(0)

    page.get_by_role("tab", name="Text", exact=True).click()
    page.locator("#text-model input").click()
    expect(page.get_by_role("option", name=f"○ {TINY}")).to_be_visible()


def test_pause_keeps_what_came_and_resume_goes_on(
    models_studio: StudioServer, open_page: OpenPage, hub: LocalHub
) -> None:
    page = open_page(models_studio.url)
    open_models(page)
    hub.bytes_per_second = 400_000
    look_at(page, LARGE).get_by_role("button", name="Download").click()
    row = download(page, LARGE)
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"[2-9]\d"))
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    kept = int(row.get_by_role("progressbar").get_attribute("aria-valuenow") or 0)
    assert 20 <= kept < 100

    page.reload()
    open_models(page)
    expect(row).to_contain_text("paused")
    already = hub.bytes_sent("model.safetensors")
    hub.bytes_per_second = None
    row.get_by_role("button", name="Resume").click()
    expect(card(page, LARGE)).to_contain_text("Load")
    whole = len(hub.repositories[LARGE].files["model.safetensors"])
    again = [one for one in hub.sent if one.repository == LARGE and one.file == "model.safetensors"][-1]
    assert again.start > 0 and again.start + again.count == whole
    assert hub.bytes_sent("model.safetensors") - already == again.count


def test_cancel_deletes_what_came(
    models_studio: StudioServer, open_page: OpenPage, hub: LocalHub, tmp_path: Path
) -> None:
    page = open_page(models_studio.url)
    open_models(page)
    hub.bytes_per_second = 50_000
    look_at(page, "someone/demo-llama").get_by_role("button", name="Download").click()
    row = download(page, "someone/demo-llama")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"[1-9]"))
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(0)
    cache = models_studio.home.parent / "hf" / "hub"
    assert not (cache / "models--someone--demo-llama").exists()


def test_a_gated_model_says_where_to_accept_and_takes_a_token(
    models_studio: StudioServer, open_page: OpenPage, hub: LocalHub
) -> None:
    page = open_page(models_studio.url)
    open_models(page)
    found = look_at(page, GATED)
    expect(found).to_contain_text("accepted on its page")
    found.get_by_role("button", name="Download").click()
    row = download(page, GATED)
    expect(row.get_by_role("link")).to_have_attribute("href", f"https://huggingface.co/{GATED}")
    expect(row).to_contain_text("put your hub token")

    hub.tokens.add("hf_secret")
    page.get_by_role("button", name="Hub token").click()
    box = page.locator("#models-token input")
    expect(box).to_be_visible()
    box.press_sequentially("hf_secret")
    page.locator("#models-token-keep").click()
    expect(page.locator("#models-token-state")).to_have_text("A token is set.")
    expect(box).to_have_value("")
    row.get_by_role("button", name="Try again").click()
    expect(row).to_contain_text("no access")
    hub.granted.add("hf_secret")
    row.get_by_role("button", name="Try again").click()
    expect(card(page, GATED)).to_contain_text("Load")

    file = models_studio.home / "hub.token"
    assert file.stat().st_mode & 0o777 == 0o600
    page.reload()
    open_models(page)
    assert "hf_secret" not in page.content()
    written = [path for path in models_studio.home.rglob("*") if path.is_file() and path != file]
    assert not [path for path in (*written, models_studio.log) if b"hf_secret" in path.read_bytes()]
    page.get_by_role("button", name="Hub token").click()
    page.locator("#models-token-forget").click()
    expect(page.locator("#models-token-state")).to_have_text("No token is set here.")
    assert not file.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("someone/pickles", "pickles"),
        ("someone/listener", "DetrForObjectDetection"),
        ("someone/pickles", "pickle 文件"),
        ("someone/listener", "DetrForObjectDetection 类"),
    ],
)
def test_what_cannot_run_is_said_before_a_download(
    name: str, words: str, models_studio: StudioServer, open_page: OpenPage
) -> None:
    is_chinese = re.search("[\u4e00-\u9fff]", words)
    page = open_page(models_studio.url, locale="zh-CN" if is_chinese else "en-US")
    open_models(page, "模型" if is_chinese else "Models")
    found = look_at(page, name)
    expect(found).to_contain_text(words)
    expect(found.get_by_role("button")).to_have_count(0)


def test_a_name_that_is_none_is_said_plainly(models_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(models_studio.url)
    open_models(page)
    for name in ("someone/nobody-knows", "not a name"):
        box = page.locator("#models-name").get_by_role("textbox")
        box.fill("")
        box.press_sequentially(name)
        page.locator("#models-look").click()
        expect(page.get_by_test_id("toast-body").last).to_contain_text("There is no model called")
        page.get_by_test_id("toast-close").last.click()


def test_a_folder_is_added_to_the_list_and_forgotten_again(
    models_studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    folder = save_causal(tmp_path / "my-model", "GPT2")
    page = open_page(models_studio.url)
    open_models(page)
    box = page.locator("#models-name").get_by_role("textbox")
    box.press_sequentially(str(folder))
    page.locator("#models-look").click()
    found = page.locator("#models-found article")
    expect(found).to_contain_text("my-model")
    found.get_by_role("button", name="Add to the list").click()
    search(page, "my-model")
    mine = card(page, str(folder))
    expect(mine).to_contain_text("Load")
    mine.get_by_role("button", name="Forget").click()
    expect(mine).to_have_count(0)
    assert (folder / "model.safetensors").exists(), "files outside the studio stay"


# ── in memory ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def fetch(page: Page, model: str) -> None:
    """See that a model of the hub is on this machine."""
    open_models(page)
    found = look_at(page, model)
    button = found.get_by_role("button", name="Download")
    expect(found.locator(".item-actions")).not_to_be_empty()
    if button.count():
        button.click()
    expect(card(page, model)).to_contain_text(re.compile("Load|Unload"))


def test_a_model_is_loaded_pinned_and_unloaded(models_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(models_studio.url)
    fetch(page, TINY)
    card(page, TINY).get_by_role("button", name="Load", exact=True).click()
    resident = page.locator(f'#models-loaded [data-model="{TINY}"]')
    expect(resident).to_contain_text(re.compile("just used|in use"))
    expect(card(page, TINY).locator(".mark")).to_have_text("●")
    expect(page.locator("#models-memory")).to_contain_text("free")
    resident.get_by_role("button", name="Pin", exact=True).click()
    pinned = resident.get_by_role("button", name="Pinned", exact=True)
    expect(pinned).to_have_attribute("aria-pressed", "true")
    pinned.click()
    expect(resident.get_by_role("button", name="Pin", exact=True)).to_be_visible()
    resident.get_by_role("button", name="Unload").click()
    expect(resident).to_have_count(0)
    expect(card(page, TINY).get_by_role("button", name="Load", exact=True)).to_be_visible()


def test_a_load_that_fails_says_why_on_its_card(open_page: OpenPage, tmp_path: Path) -> None:
    server = StudioServer(tmp_path / "home", AIGC_STUDIO_MEMORY_GB="0.01").start()
    try:
        page = open_page(server.url)
        open_models(page)
        expect(page.locator("#models-disk")).to_contain_text(re.compile(r"Models of the hub .*[\d.]+ GB of .* free"))
        card(page, STARTER).get_by_role("button", name="Load", exact=True).click()
        expect(card(page, STARTER)).to_contain_text(
            re.compile(r"SmolLM2 135M Instruct.* needs about 0\.\d GB of memory")
        )
        page = open_page(server.url, locale="zh-CN")
        open_models(page, "模型")
        card(page, STARTER).get_by_role("button", name="加载", exact=True).click()
        expect(card(page, STARTER)).to_contain_text(re.compile(r"约需 0\.\d GB 内存"))
    finally:
        server.stop()


def test_removing_tells_what_else_uses_it(models_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(models_studio.url)
    fetch(page, TINY)
    page.get_by_role("tab", name="Text", exact=True).click()
    page.locator("#text-model input").fill(TINY)
    page.keyboard.press("Enter")
    page.locator("#text-prompt textarea").press_sequentially("hello")
    page.locator("#text-send").click()
    expect(page.locator("#text-facts")).to_contain_text("seed")
    open_models(page)
    card(page, TINY).get_by_role("button", name="Remove").click()
    expect(card(page, TINY)).to_contain_text("Chosen in 1 of your conversations: “hello”")
    card(page, TINY).get_by_role("button", name="Cancel").click()
    expect(card(page, TINY)).not_to_contain_text("Chosen in")
    card(page, TINY).get_by_role("button", name="Remove").click()
    expect(card(page, TINY)).to_contain_text("from the disk?")
    card(page, TINY).get_by_role("button", name="Remove").click()
    expect(card(page, TINY)).to_have_count(0)
    cache = models_studio.home.parent / "hf" / "hub"
    assert not (cache / "models--someone--tiny-llama").exists()


# ── languages, screens, demo ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_tab_in_chinese(models_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(models_studio.url, locale="zh-CN")
    open_models(page, "模型")
    expect(card(page, "smollm2-135m-instruct")).to_contain_text("入门模型")
    expect(card(page, "Qwen/Qwen3-0.6B")).to_contain_text("先思考再回答")
    found = look_at(page, "someone/zh-llama")
    expect(found).to_contain_text("需下载")
    found.get_by_role("button", name="下载").click()
    expect(card(page, "someone/zh-llama")).to_contain_text("加载")
    for words in ("Download", "Remove", "In memory", "Fits", "free"):
        expect(page.locator("#models-cards, #models-memory").first).not_to_contain_text(words)


def test_nothing_is_wider_than_a_telephone(models_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(models_studio.url, viewport={"width": 390, "height": 844})
    open_models(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_public_demo_manages_nothing(open_page: OpenPage, tmp_path: Path) -> None:
    server = StudioServer(tmp_path / "home", SPACE_ID="someone/demo", GRADIO_SERVER_NAME="127.0.0.1").start()
    try:
        page = open_page(server.url)
        open_models(page)
        expect(card(page, "smollm2-135m-instruct")).to_be_visible()
        for part in ("#models-name", "#models-look", "#models-token"):
            expect(page.locator(part)).to_have_count(0)
        expect(page.locator("#models-cards button, #models-loaded button")).to_have_count(0)
    finally:
        server.stop()
