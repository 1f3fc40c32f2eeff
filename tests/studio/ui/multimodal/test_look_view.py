"""What the Look sub-tab shows of a result: nothing that came from outside unescaped, and guesses not as names."""

from pipelines.seeing.describing import READ
from pipelines.types.caption import CaptionRequest, CaptionResult, Exchange, Name
from studio.ui.multimodal.look_endpoints import told
from studio.ui.multimodal.look_view import facts, question_of, stage, working_stage
from studio.ui.stream import Live

UNASKED = CaptionRequest("m")
NAMES = (Name({"en": "red <b>", "zh": "红"}, 0.834), Name({"en": "circle", "zh": "圆"}, 0.1))


def test_names_stand_with_their_probability_beside_the_picture():
    html = stage('media/1/image"', "red <b>", CaptionResult("m", "stop", "red <b>", NAMES), "en", UNASKED)
    assert html.count("<li>") == 2 and "83%" in html and "width:10%" in html
    assert "red &lt;b&gt;" in html and "<b>" not in html and 'image"' not in html
    assert 'lang="zh">红<' in html and "It may be called" in html


def test_what_is_not_known_is_said_before_the_guesses():
    result = CaptionResult("m", "stop", "", NAMES, is_known=False)
    for language, words in (("en", "not an icon-like picture"), ("zh", "不是该模型认识的图标类图片")):
        html = stage("", "", result, language, UNASKED)
        assert words in html and html.index(words) < html.index("<li>") and "<img" not in html


def test_an_answer_has_no_names_and_a_kept_one_outlives_its_job():
    answered = CaptionResult("m", "length", "A cat on a mat.")
    html = stage("", answered.text, answered, "en", UNASKED)
    assert "A cat on a mat." in html and "<ol" not in html
    assert "A cat" in stage("media/1/image", "A cat", None, "en", UNASKED)
    assert "stopped before" in stage("", "", CaptionResult("m", "cancelled", ""), "en", UNASKED)


def test_a_talk_stands_from_its_beginning_also_while_it_is_answered_and_after_a_stop():
    before = (Exchange("", "A <cat>."), Exchange("Where?", "On a mat."))
    asked = CaptionRequest("m", question="Is it <b>red</b>?", earlier=before)
    answered = stage("media/1/image", "No.", CaptionResult("m", "stop", "No."), "en", asked)
    stopped = stage("", "", CaptionResult("m", "cancelled", ""), "en", asked)
    working = working_stage(asked, Live(text="No, it"), "en")
    said = ["A &lt;cat&gt;.", "Where?", "On a mat.", "Is it &lt;b&gt;red"]
    for html, last in ((answered, ">No.<"), (stopped, "stopped before"), (working, "No, it")):
        places = [html.index(words) for words in (*said, last)]
        assert places == sorted(places) and "<b>" not in html
    assert "stage-looked" in stopped and "stage-looked" not in working
    assert question_of(CaptionRequest("m", reads=True, language="zh")) == READ["zh"]


def test_the_line_of_facts_says_who_and_how_long():
    line = facts(CaptionResult("m", "length", "x", seconds=1.5, seconds_load=2.0), "Tiny", "en")
    assert line.startswith("Tiny · ") and "loaded in" in line and "max" in line
    assert "loaded" not in facts(CaptionResult("m", "stop", "x", seconds=0.3), "Tiny", "en")


def test_a_client_reads_the_name_or_that_there_is_none_and_what_is_guessed():
    assert told(CaptionResult("m", "stop", "red", NAMES), "en") == "red"
    unknown = told(CaptionResult("m", "stop", "", NAMES, is_known=False), "zh")
    assert "不是该模型认识的图标类图片" in unknown and unknown.endswith("红 · 圆")
    assert "Guesses" not in told(CaptionResult("m", "stop", "", is_known=False), "en")
