r"""What others wrote is shown as text wherever it is shown: nothing of it runs, and nothing is fetched for it.

The attacks stand in the files of a person before the studio starts, as if a model, a document or a friend's recipe had
brought them: in questions, answers, titles, file names, results and jobs.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pipelines.provenance import recipe
from pipelines.training.uploads import own
from pipelines.training.uploads.doctor import examine
from pipelines.types.crossing import to_json
from pipelines.types.study import StudyRequest, StudyResult
from pipelines.types.text import TextRequest, TextResult
from pipelines.types.training import TrainRequest
from studio.identity import Identity
from studio.jobs.folder import End, JobFolder
from studio.library.conversations import Conversations
from studio.library.creations import Creations
from studio.library.documents import Document
from tests.browser.conftest import OpenPage
from tests.browser.talk import open_tab, settle, type_in
from tests.server import StudioServer

ANN = Identity.new_visitor()
RUN = "window.__pwned=1"
AWAY = "https://evil.example/leak"

ATTACKS = [
    # tags
    f"<script>{RUN}</script>",
    f"<img src=x onerror='{RUN}'>",
    f"<IMG SRC=x OnErRoR={RUN}>",
    f"<img\nsrc=x\nonerror={RUN}>",
    f"<svg/onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}></style></mglyph></table></mtext></math>",
    f"<iframe srcdoc='<script>parent.{RUN.removeprefix('window.')}</script>'></iframe>",
    f"<iframe src=javascript:parent.{RUN.removeprefix('window.')}></iframe>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src={AWAY}.mp3 autoplay onerror={RUN}>",
    f"<body onload={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<style>@import '{AWAY}.css'; * {{ background: url({AWAY}.png) }}</style>",
    f"<link rel=stylesheet href={AWAY}.css>",
    f"<meta http-equiv=refresh content='0;url={AWAY}'>",
    f"<object data={AWAY}></object><embed src={AWAY}>",
    f"<base href={AWAY}/>",
    f"<form action=javascript:{RUN}><button>go</button></form>",
    # out of an attribute or of a comment
    f'"><img src=x onerror={RUN}>',
    f"'><svg onload={RUN}>",
    f"<!--><img src=x onerror={RUN}>-->",
    f"</textarea></title><img src=x onerror={RUN}>",
    f"]]><img src=x onerror={RUN}>",
    # Markdown
    f"![x]({AWAY}.png)",
    f"!\\[x]({AWAY}.png) ![x](<{AWAY}.png> 'title')",
    f"![x][r]\n\n[r]: {AWAY}.png",
    f"[![x]({AWAY}.png)]({AWAY})",
    f"<img src={AWAY}.png> <picture><source srcset={AWAY}.png><img></picture>",
    f"[press](javascript:{RUN})",
    f"[press](JaVaScRiPt&colon;{RUN}) [press](java\tscript:{RUN})",
    f"[press](data:text/html,<script>{RUN}</script>) [press](vbscript:{RUN})",
    f"<javascript:{RUN}> <a href='javascript:{RUN}'>press</a>",
    f"`<img src=x onerror={RUN}>` ` <img src=x onerror={RUN}>",
    # formulas
    f"$$\\href{{javascript:{RUN}}}{{x}}$$ \\(\\url{{javascript:{RUN}}}\\)",
    f"$$\\includegraphics{{{AWAY}.png}} \\htmlData{{x=y}}{{z}}$$",
    f"$$<img src=x onerror={RUN}>\\unknown{{$$ \\[</span><svg onload={RUN}>\\]",
    f"<think><img src=x onerror={RUN}></think>![x]({AWAY}.png)",
    # code, last since it may swallow what follows
    f"```html\n<img src=x onerror={RUN}>\n![x]({AWAY}.png)\n```",
    f'```mermaid\ngraph TD; A["<img src=x onerror={RUN}>"] --> B; click A href "javascript:{RUN}"\n```',
    f'```"><img src=x onerror={RUN}>\nx',
]


def fill(home: Path) -> None:
    """Ann's home: one conversation of all attacks, one named after each, and a text and a job for each."""
    book = Conversations(home / "conversations")
    library = Creations(home / "library", home / "studio.db")
    facts = recipe.facts(result("x"))
    settings = {"model": "smollm2-135m-instruct"}
    for attack in ATTACKS:
        book.new(ANN, title=attack, settings=settings)
        asked = TextRequest(attack, task="write", text=attack)
        library.save(ANN, "text", attack, recipe.make(asked), attack, "0" * 32)
        JobFolder.create(home / "jobs", ANN, asked).finish(End("done", result(attack), None, 1.0, 2.0))
    asked = TextRequest("smollm2-135m-instruct", task="write", text="All of them")
    everything = result("\n\n".join(ATTACKS))
    JobFolder.create(home / "jobs", ANN, asked).finish(End("done", everything, None, 1.0, 2.0))
    talk = book.new(ANN, title="All attacks", settings=settings).id
    last = None
    for attack in ATTACKS:
        last = book.add_user(ANN, talk, last, attack, [Document(attack, attack)])
        last = book.add_answer(ANN, talk, last, "0" * 32)
        book.settle(ANN, talk, last, attack, facts)
    library.close()


def fill_training(home: Path) -> None:
    """Runs named after two attacks each; the newest has them in its log and its sample. A search for settings, and a data set of them."""
    names = [" ".join(pair) for pair in zip(ATTACKS, ATTACKS[1:] + ATTACKS[:1], strict=True)][::2]
    for number, name in enumerate(names):
        folder = home / "runs" / f"{number:032x}"
        (folder / "samples").mkdir(parents=True)
        request = to_json(TrainRequest("lstm", ATTACKS[1], {}, "cpu", name=name))
        about = {"schema": 1, "owner": ANN, "created": float(number), "jobs": ["0" * 32], "request": request}
        (folder / "owner.json").write_text(json.dumps(about))
        (folder / "metrics.jsonl").write_text(json.dumps({"step": 1, f"loss {name}": 1.0}) + "\n")
        for place in ("log.txt", "samples/step-00000001.txt"):
            (folder / place).write_text("\n".join(ATTACKS))
    studied = StudyRequest(("lstm",), ATTACKS[1], name=ATTACKS[0])
    found = StudyResult("perplexity", "lower", (), None, {}, "stop", 1.0)
    JobFolder.create(home / "jobs", ANN, studied).finish(End("done", found, None, 1.0, 2.0))
    data = home / "datasets" / ("own_" + "0" * 16)
    data.mkdir(parents=True)
    rows = "\n".join(json.dumps({"text": f"{attack} {number}"}) for number, attack in enumerate(ATTACKS)).encode()
    about = {"owner": ANN, "title": ATTACKS[1], "created": 1.0, "source": ATTACKS[0], "licence": ATTACKS[2]}
    own.write(data, examine([(f"{ATTACKS[3]}.jsonl", rows)]), about)


def result(text: str) -> TextResult:
    return TextResult(text, "smollm2-135m-instruct", 1, "stop", 1, 1, 0.1, 0.1)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    home = tmp_path_factory.mktemp("hostile") / "home"
    fill(home)
    fill_training(home)
    server = StudioServer(home).start()
    yield server
    server.stop()


@pytest.fixture
def page(studio: StudioServer, open_page: OpenPage) -> Iterator[Page]:
    """Ann's page. Whatever a test shows on it: no script has run, no dialog opened, no link leads to a script."""
    name, _, rest = Identity(studio.home).cookie(ANN, is_https=False, is_framed=False).partition("=")
    cookie = {"name": name, "value": rest.partition(";")[0], "domain": "127.0.0.1", "path": "/", "sameSite": "Lax"}
    cookie |= {"expires": -1, "httpOnly": True, "secure": False}
    page = open_page(studio.url, storage_state={"cookies": [cookie], "origins": []})
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    yield page
    provoke(page)
    assert page.evaluate("window.__pwned ?? 0") == 0
    assert dialogs == []
    assert page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.protocol)").count("javascript:") == 0
    for outside in ("img", "iframe", "object", "embed", "video", "audio", "source", "link", "base"):
        assert page.locator(f'{outside}[src*="evil"], {outside}[href*="evil"], {outside}[srcset*="evil"]').count() == 0


def provoke(page: Page) -> None:
    """Do to everything on the page what a person might: point at it, focus it, open it."""
    page.evaluate("""() => document.querySelectorAll('body *').forEach(element =>
        ['mouseover', 'pointerenter', 'focus', 'toggle', 'animationstart'].forEach(name =>
            element.dispatchEvent(new Event(name))))""")
    page.wait_for_function("[...document.images].every(image => image.complete)")  # only then come their errors


def test_in_the_chat(page: Page) -> None:
    page.locator("#text-conversations").get_by_text("All attacks", exact=True).click()
    expect(page.locator("#text-chat [data-testid=bot]")).to_have_count(len(ATTACKS) + 1)  # one of them thinks aloud
    expect(page.locator("#text-chat")).to_contain_text("onbegin")


def test_in_the_list_of_conversations(page: Page) -> None:
    expect(page.locator("#text-conversations li")).to_have_count(len(ATTACKS) + 1)
    expect(page.locator("#text-conversations")).to_contain_text("<script>")
    page.locator("#text-conversations").get_by_text(ATTACKS[0], exact=True).click()
    page.locator("#text-rename").click()
    expect(page.locator("#text-name").get_by_role("textbox")).to_have_value(ATTACKS[0])


def test_in_the_library(page: Page) -> None:
    open_tab(page, "Library")
    for number in range(1, 5):
        expect(page.locator("#library-page")).to_contain_text(f"Page {number} of 4")
        expect(page.locator("#library-items article").first).to_be_visible()
        provoke(page)
        if number < 4:
            page.locator("#library-older").click()


def test_in_the_drawer_and_the_result_of_a_task(page: Page) -> None:
    page.locator("#jobs-chip").click()
    job = page.locator("#jobs-rows li").filter(has_text="All of them")
    expect(job).to_be_visible()
    expect(page.locator("#jobs-rows")).to_contain_text("onerror")
    provoke(page)
    job.get_by_role("button", name="Open").click()
    expect(page.locator("#task-result")).to_contain_text("onbegin")
    expect(page.locator("#task-recent")).to_contain_text("onerror")


def test_in_a_stranger_s_model_name_of_a_recipe(page: Page) -> None:
    """A card of the library brings its model with it; running it is refused, and the refusal shows the name."""
    open_tab(page, "Library")
    type_in(page.locator("#library-search").get_by_role("textbox"), "<svg/onload")
    card = page.locator("#library-items article").filter(has_text="Write")
    expect(card).to_have_count(1)
    card.get_by_role("button", name="Open").click()
    expect(page.locator("#task-prompt textarea")).to_have_value(f"<svg/onload={RUN}>")
    settle(page)
    page.locator("#task-run").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text(f"“<svg/onload={RUN}>”")


def test_in_training(page: Page) -> None:
    """Runs beside each other, log, sample, a search for settings, a data set with what the doctor says of its rows."""
    open_tab(page, "Training")
    runs = page.locator("#training-runs li")
    expect(runs).to_have_count((len(ATTACKS) + 1) // 2)
    expect(page.locator("#training-head h3")).to_contain_text("<")
    expect(page.locator("#training-samples")).to_contain_text("onbegin")
    for number in (0, 1):
        button = runs.nth(number).locator('[data-action="compare"]')
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#training-comparison h4")).to_be_visible()
    expect(page.locator("#training-study h4")).to_contain_text("<script>")
    page.locator("#training-log-part button").first.click()
    expect(page.locator("#training-log")).to_contain_text("includegraphics")
    settle(page)
    page.locator("#training-trainer input").click()
    page.get_by_role("option", name="LSTM language model").click()
    expect(page.locator("#training-data")).to_contain_text("the authors of diffusers")
    settle(page)
    page.locator("#training-dataset input").click()
    page.get_by_role("option", name="onerror").click()
    expect(page.locator("#training-data .defects")).to_contain_text("has HTML tags in it")
