"""What a result becomes in the library."""

from pathlib import Path

from PIL import Image

from pipelines.base import open_catalog
from pipelines.provenance import recipe
from pipelines.types.image import ImageRequest, ImageResult
from studio.jobs.folder import JobFolder
from studio.jobs.keep import Keep
from studio.library.creations import Creations
from tests.studio.jobs.conftest import ANN


def test_a_withheld_picture_has_no_creation_and_the_others_keep_their_number(tmp_path: Path) -> None:
    request = ImageRequest("lanczos", prompt="a cat", count=3, seed=4)
    folder = JobFolder.create(tmp_path / "jobs", ANN, request)
    images = (Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue"))
    result = ImageResult("lanczos", request, 8, 8, "stop", 1, 1.0, withheld=(1,), images=images)
    creations = Creations(tmp_path / "library", tmp_path / "studio.db")
    made = Keep(creations, open_catalog(None))(folder.spec(), folder, result)
    recipes = [recipe.read(creations.path(ANN, creation_id)) for creation_id in made]
    assert [(one["index"], one["result"]["withheld"]) for one in recipes] == [(0, [1]), (2, [1])]
    creations.close()
