"""Rhymes of poems that everybody knows."""

import pytest

from pipelines.evaluation.rhyme import CLASSES, does_rhyme, rhyme_of, rhyme_of_poem

QUIET_NIGHT = ("床前明月光", "疑是地上霜", "举头望明月", "低头思故乡")  # 李白
SPRING_DAWN = ("春眠不觉晓", "处处闻啼鸟", "夜来风雨声", "花落知多少")  # 孟浩然
SUN_WEST = ("白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼")  # 王之涣
DISTANT = ("远上寒山石径斜", "白云生处有人家", "停车坐爱枫林晚", "霜叶红于二月花")  # 杜牧


@pytest.mark.parametrize(
    ("poem", "rhyme"), [(QUIET_NIGHT, "江阳"), (SPRING_DAWN, "遥条"), (SUN_WEST, "油求"), (DISTANT, "发花")]
)
def test_known_poems_rhyme(poem, rhyme):
    assert does_rhyme(poem) and rhyme_of_poem(poem) == rhyme


def test_lines_of_two_poems_do_not():
    mixed = (QUIET_NIGHT[0], QUIET_NIGHT[1], SUN_WEST[2], SUN_WEST[3])
    assert not does_rhyme(mixed)


def test_every_reading_has_a_class_and_what_is_no_character_has_none():
    assert {rhyme_of(character) for character in "妈哥月知女儿书来飞刀楼山春光风雄翁云"} <= set(CLASSES)
    assert [rhyme_of(character) for character in "，a。"] == ["", "", ""]
    assert rhyme_of_poem(("ab", "cd")) == "" and not does_rhyme(("ab", "cd"))
