"""What the Film sub-tab shows: pictures that can be taken, each with a name, and a bar with one."""

from pipelines.types.events import Progress
from studio.ui.multimodal.film_view import pictures, whole_picture
from studio.ui.stream import Live
from studio.ui.working import meter


def test_a_kept_picture_is_a_link_and_has_a_name_whether_its_time_is_known_or_not():
    urls = [("media/a/thumbnail", "a"), ("media/b/thumbnail", "b")]
    html = pictures(urls, (0.0,), "en")
    assert 'href="media/b" download="002.png"' in html and html.count("at 0") == 1
    assert 'alt="Picture 1 of the film"' in html and 'alt="Picture 2 of the film"' in html
    assert 'alt="影片的第 2 张图片"' in pictures(urls, (), "zh")


def test_of_one_that_is_not_kept_a_small_one_is_shown_and_the_whole_one_comes_by_its_press():
    html = pictures([("data:image/webp;base64,AA", ""), ("data:image/webp;base64,BB", "")], (), "en", job_id="j1")
    assert html.count("data:") == 2 and "href" not in html
    assert 'data-action="whole" data-id="j1/1"' in html
    whole = whole_picture("data:image/png;base64,CC", 1, "en")
    assert 'href="data:image/png;base64,CC" download="002.png"' in whole and "002.png in full size" in whole


def test_a_bar_says_what_it_is():
    live = Live(stage=Progress(1, 4, "frames"))
    assert 'aria-label="Progress"' in meter(live, "en") and 'aria-label="进度"' in meter(live, "zh")
