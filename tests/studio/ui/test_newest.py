"""Of several events only the newest shows its answer."""

import threading
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
from gradio.helpers import special_args

from studio.ui.newest import _if_newest
from studio.ui.watchers import Watchers


def answer(words: str, request: gr.Request) -> str:
    return f"about {words}"


def test_an_older_event_that_arrives_late_shows_nothing() -> None:
    watchers, handler = Watchers(), _if_newest(answer)
    assert handler("002", watchers, "swim", None) == "about swim"
    assert handler("001", watchers, "swi", None) == gr.skip()
    assert handler("003", watchers, "", None) == "about "


def test_an_older_answer_that_comes_late_is_not_shown() -> None:
    may_go_on, is_asked = threading.Event(), threading.Event()

    def slow(words: str, request: gr.Request) -> str:
        if words == "swi":
            is_asked.set()
            assert may_go_on.wait(10)
        return answer(words, request)

    watchers, handler = Watchers(), _if_newest(slow)
    with ThreadPoolExecutor() as pool:
        older = pool.submit(handler, "001", watchers, "swi", None)
        assert is_asked.wait(10)
        assert handler("002", watchers, "swim", None) == "about swim"
        may_go_on.set()
        assert older.result(10) == gr.skip()


def test_gradio_still_hands_it_the_request() -> None:
    asked = object()
    values, *_ = special_args(_if_newest(answer), ["001", Watchers(), "swim"], request=asked)  # type: ignore[arg-type]
    assert values[3] is asked
