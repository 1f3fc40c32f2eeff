"""Where a worker puts what came out of a job: into the library, with its recipe inside. Knows no queue and no process.

An answer of a conversation lives there. What is private stays in the job's folder, and goes with it.
"""

from pipelines.loading.catalog import Catalog
from pipelines.provenance import pictures, recipe
from pipelines.types.crossing import Result
from pipelines.types.image import ImageResult
from pipelines.types.text import TextResult
from studio.jobs.folder import JobFolder, JobSpec
from studio.library.creations import Creations
from studio.library.pictures import thumbnail


class Keep:
    """Called with a job and its result, it returns the ids of the creations that it made of it."""

    def __init__(self, creations: Creations, catalog: Catalog) -> None:
        self._creations = creations
        self._catalog = catalog

    def __call__(self, spec: JobSpec, folder: JobFolder, result: Result) -> tuple[str, ...]:
        """Raises DiskFull or ReadOnlyHome."""
        if isinstance(result, TextResult):
            return self._keep_text(spec, result)
        if isinstance(result, ImageResult):
            return self._keep_pictures(spec, folder, result)
        return ()

    def _keep_text(self, spec: JobSpec, result: TextResult) -> tuple[str, ...]:
        if not spec.keep or spec.conversation:
            return ()
        made = recipe.make(spec.request, result, self._catalog.find(result.model))
        return (self._creations.save(spec.owner, "text", result.text, made, spec.request.title(), spec.id),)

    def _keep_pictures(self, spec: JobSpec, folder: JobFolder, result: ImageResult) -> tuple[str, ...]:
        """Each picture a creation of its own; what it was made from stands beside it."""
        model = self._catalog.find(result.model)
        recipes = [recipe.make(spec.request, result, model, index=index) for index in result.numbers]
        files = [pictures.encode(image, made, "png") for image, made in zip(result.images, recipes, strict=True)]
        if not spec.keep:
            folder.put_pictures(files)
            return ()
        sources, title = folder.files(spec.request), spec.request.title()
        return tuple(
            self._creations.save_file(
                spec.owner, "image", data, made, title, spec.id, spec.parents,
                parts={**sources, "thumbnail": thumbnail(image)},
            )
            for data, made, image in zip(files, recipes, result.images, strict=True)
        )  # fmt: skip
