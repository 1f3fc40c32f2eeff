"""No GPL or AGPL package in the process: the metadata of all that requirements.txt brings along is read.

The LGPL is another matter (a wheel that is used unmodified is fine), and so is a choice that offers another licence.
"""

import ast
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements.txt"
GPL = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|(?<!Lesser )(Affero )?General Public Licen[cs]e", re.IGNORECASE)
LGPL = re.compile(r"LGPL|Lesser General Public|Library General Public", re.IGNORECASE)
EXCEPTION = re.compile(r"WITH GCC-exception|runtime library exception", re.IGNORECASE)


def direct() -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def closure() -> dict[str, Distribution]:
    """Everything installed that the requirements lead to, with the extras that are asked for."""
    found: dict[str, Distribution] = {}
    waiting = [(requirement.name, frozenset(requirement.extras)) for requirement in direct()]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another platform
            continue
        found[name.lower().replace("_", "-")] = package
        for text in package.requires or []:
            need = Requirement(text)
            applies = need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras | {""})
            key = (need.name, frozenset(need.extras))
            if applies and key not in seen:
                seen.add(key)
                waiting.append(key)
    return found


def licence_of(package: Distribution) -> str:
    """What a package says of its licence: the expression, else the classifiers, else how the texts begin."""
    classifiers = [line for line in package.metadata.get_all("Classifier") or [] if line.startswith("License ::")]
    files = [file for file in package.files or [] if re.search(r"licen[cs]e|copying", file.name, re.IGNORECASE)]
    texts = [package.metadata.get("License") or "", *(file.locate().read_text(errors="replace") for file in files)]
    beginnings = [" ".join(text.split())[:200] for text in texts if text.strip()]
    return package.metadata.get("License-Expression") or " / ".join(classifiers) or " / ".join(beginnings)


def is_refused(licence: str) -> bool:
    """`licence` is the GPL or AGPL and offers nothing else."""
    choices = re.split(r"\bOR\b", licence)
    return all(
        GPL.search(LGPL.sub("", EXCEPTION.split(choice)[0])) and not EXCEPTION.search(choice) for choice in choices
    )


@pytest.mark.parametrize(
    ("licence", "refused"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("GPLv2", True),
        ("LGPL-2.1-or-later", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MIT OR GPL-2.0-only", False),
        ("BSD-3-Clause AND GPL-3.0-only WITH GCC-exception-3.1", False),
        ("Apache-2.0", False),
        ("MIT", False),
    ],
)
def test_the_reader_tells_them_apart(licence: str, refused: bool) -> None:
    assert is_refused(licence) is refused


def test_every_requirement_is_pinned_and_installed() -> None:
    for requirement in direct():
        (pin,) = requirement.specifier
        assert pin.operator == "==", requirement
        installed = distribution(requirement.name).version.partition("+")[0]
        assert installed == pin.version, f"{requirement} is asked for, {installed} is installed"


def test_every_import_is_a_requirement() -> None:
    """What only comes along with another package may go with its next version."""
    files = [ROOT / "app.py", *(ROOT / "studio").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")]
    imported: set[str] = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"studio", "pipelines", "app"}
    assert "gradio" in foreign
    asked_for = {requirement.name.lower().replace("_", "-") for requirement in direct()}
    packages = packages_distributions()
    homes = {module: {name.lower().replace("_", "-") for name in packages.get(module, [])} for module in foreign}
    assert not {module for module, names in homes.items() if not names & asked_for}


def test_no_gpl_in_the_process() -> None:
    packages = closure()
    assert len(packages) > 50, "the walk over the requirements found too little to be believed"
    licences = {name: licence_of(package) for name, package in packages.items()}
    refused = {name: licence for name, licence in licences.items() if is_refused(licence)}
    assert not refused
    for name in ("phonemizer", "espeakng-loader", "av", "torchvision"):
        assert name not in packages


def test_every_package_names_its_licence() -> None:
    assert not [name for name, package in closure().items() if not licence_of(package)]
