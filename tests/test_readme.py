"""The READMEs tell the truth: paths, targets, variables, flags, links and examples are held against what stands."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ["README.md", "README.zh-CN.md"]
TEXTS = {name: (ROOT / name).read_text() for name in NAMES}
RESULTS = ("speed", "kills")
VARIABLE = re.compile(r"\b(?:GRADIO|AIGC|STUDIO|HF|SPACE)_[A-Z_]+\b")
ENTRY = re.compile(r"^( *)([\w.-]+(?:/|\.\w+|(?= {3,}))(?: [\w.-]+(?:/|\.\w+))*) {2,}(.*)$")

# What belongs to the machine or to Git and not to the map of the house.
UNMAPPED = {
    ".git",
    ".venv",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".import_linter_cache",
    ".hypothesis",
    ".gradio",
}
UNMAPPED |= {"__pycache__"}


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language ("" for those that name none)."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for named, body in fences if named == language]


def commands(text: str) -> list[str]:
    lines = [line.partition("  #")[0].strip() for block in blocks(text, "sh") for line in block.splitlines()]
    return [line for line in lines if line]


def tree(name: str) -> dict[Path, str]:
    """Every path of the captioned tree, with its caption. A line may name several files of one folder."""
    (block,) = [block for block in blocks(TEXTS[name], "") if "app.py" in block]
    found: dict[Path, str] = {}
    folders: list[tuple[int, Path]] = []
    for line in block.splitlines():
        entry = ENTRY.match(line)
        assert entry, f"not a line of a tree: {line!r}"
        indent, names, caption = len(entry[1]), entry[2].split(), entry[3]
        folders = [(depth, path) for depth, path in folders if depth < indent]
        parent = folders[-1][1] if folders else Path()
        for name in names:
            found[parent / name] = caption
            if name.endswith("/"):
                folders.append((indent, parent / name))
    return found


def test_every_path_of_the_tree_stands() -> None:
    paths = tree("README.md")
    assert len(paths) > 20
    missing = [str(path) for path in paths if not (ROOT / path).exists()]
    for folder, caption in paths.items():
        named = re.findall(r"\b[\w-]+\.py\b|\b[\w-]+/", caption) if (ROOT / folder).is_dir() else []
        missing += [f"{folder}/{name}" for name in named if not (ROOT / folder / name).exists()]
    assert not missing


def test_every_folder_and_module_at_the_top_is_in_the_tree() -> None:
    paths = set(tree("README.md"))
    folders = {Path(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name not in UNMAPPED}
    inner = {
        path.relative_to(ROOT)
        for top in ("studio", "pipelines")
        for path in (ROOT / top).iterdir()
        if path.is_dir() and path.name not in UNMAPPED
    }
    assert not (folders | inner) - paths


@pytest.mark.parametrize("name", [*NAMES, "CONTRIBUTING.md", "CHANGELOG.md", "Makefile"])
def test_every_target_that_is_named_can_be_made(name: str) -> None:
    text = (ROOT / name).read_text()
    prose = re.sub(r"(?m)^(?!\s*make ).*", lambda line: " ".join(re.findall(r"`make [a-z-]+", line[0])), text)
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", prose))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= targets
    if name in NAMES:
        assert {"run", "test"} <= named


@pytest.mark.parametrize("name", NAMES)
def test_variables_and_flags_are_those_of_the_settings(name: str) -> None:
    settings = (ROOT / "studio" / "settings.py").read_text()
    assert set(VARIABLE.findall(TEXTS[name])) == set(VARIABLE.findall(settings))
    flags = set(re.findall(r'"(--[a-z-]+)"', settings))
    assert set(re.findall(r"^\| `(--[a-z-]+)", TEXTS[name], re.MULTILINE)) == flags


def test_both_languages_name_the_same_commands_and_examples() -> None:
    english, chinese = (TEXTS[name] for name in NAMES)
    assert commands(english) == commands(chinese)
    assert blocks(english, "python") == blocks(chinese, "python")
    assert list(tree("README.md")) == list(tree("README.zh-CN.md"))
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", chinese, re.MULTILINE))


@pytest.mark.parametrize("name", [*NAMES, "CONTRIBUTING.md"])
def test_links_and_files_that_are_named_stand(name: str) -> None:
    text = (ROOT / name).read_text()
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    paths = re.findall(r"`((?:assets|pipelines|studio|tests)/[\w./-]*)`", text)
    assert not [path for path in links + paths if not (ROOT / path).exists()]


def test_the_front_matter_is_that_of_a_docker_space() -> None:
    matter = TEXTS["README.md"].split("---\n")[1]
    fields = dict(line.split(": ", 1) for line in matter.splitlines())
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert fields["sdk"] == "docker" and f"EXPOSE {fields['app_port']}" in dockerfile
    assert len(fields["short_description"]) <= 60
    assert (
        "--uid 1000" in dockerfile and "GRADIO_SERVER_NAME=0.0.0.0" in dockerfile and 'ENTRYPOINT ["tini"' in dockerfile
    )


def test_help_shows_the_flags() -> None:
    asked = subprocess.run([sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for flag in re.findall(r"^\| `(--[a-z-]+)", TEXTS["README.md"], re.MULTILINE):
        assert flag in asked.stdout


def test_make_says_what_can_be_made() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "run", "test", "check", "bench", "prove"):
        assert f"make {target} " in said


def test_names_in_the_examples_stand() -> None:
    for example in blocks(TEXTS["README.md"], "python"):
        for node in ast.walk(ast.parse(example)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("name", NAMES)
def test_every_endpoint_that_is_named_stands(name: str) -> None:
    files = (ROOT / "studio" / "ui").rglob("*endpoints.py")
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    named = set(re.findall(r'`/([a-z_]+)`|api_name="/([a-z_]+)"', TEXTS[name]))
    endpoints = {one or other for one, other in named}
    assert endpoints >= {"generate_text", "chat", "generate_image", "edit_image", "list_models", "job", "cancel_job"}
    assert endpoints <= functions


def test_the_pipeline_example_runs() -> None:
    (example,) = [block for block in blocks(TEXTS["README.md"], "python") if "TextPipeline" in block]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"\w+ .*\d+ tokens/s$", ran.stdout.strip(), re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_those_that_were_measured(name: str) -> None:
    speed, kills = (json.loads((ROOT / f"tests/bench/results/{one}.json").read_text())["figures"] for one in RESULTS)
    ratios = [value for key, value in speed.items() if " / " in key] + [speed["second load of the starter, seconds"]]
    table = [line for line in TEXTS[name].splitlines() if line.startswith("|")]
    for figure in (*(f"| {ratio:.2f} " for ratio in ratios), f"| {kills['jobs lost']} |"):
        assert any(figure in line for line in table), f"{figure!r} was measured and is not what {name} says"
    assert any(f" {kills['kills']} " in line for line in table)
