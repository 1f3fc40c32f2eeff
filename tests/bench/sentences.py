"""Forty sentences made for this bench, so that no model was trained on them, and by hand how those with figures are said."""

ENGLISH = (
    "The old lighthouse keeper painted his door bright yellow every spring.",
    "My neighbor's parrot learned to imitate the doorbell within a week.",
    "A thick fog rolled over the harbor while the fishermen mended their nets.",
    "She hid the letters beneath a loose board in the attic floor.",
    "The orchestra tuned their instruments as the last guests found their seats.",
    "Nobody expected the quiet librarian to win the motorcycle race.",
    "We baked bread over the campfire and shared it with two hungry travelers.",
    "The museum borrowed a marble statue from a small village in Greece.",
    "His grandmother could predict rain by the smell of the river.",
    "Three children built a raft from driftwood and empty barrels.",
    "The scientist measured how quickly each seedling turned toward the window.",
    "An unexpected storm forced the airplane to land in a distant desert town.",
    "He whispered the answer so softly that only the cat seemed to hear it.",
    "The tailor promised to finish the wedding dress before Thursday evening.",
    "Through the telescope they watched a pale comet drift across the sky.",
    "The mayor apologized for the noise and planted forty oak trees instead.",
    "Please remember to lock the greenhouse before you leave for the station.",
    "Her violin teacher insisted that silence is also part of the music.",
    "The bakery on the corner smells of cinnamon long before sunrise.",
    "They followed the narrow path until it disappeared into the snow.",
)

# as written, as said
NUMBERS = (
    ("The train leaves at 7:45 a.m. from platform 12.", "The train leaves at seven forty-five AM from platform twelve."),
    ("On March 3, 2021, she planted 150 tulips.", "On March third, twenty twenty-one, she planted one hundred fifty tulips."),
    ("The jacket costs $49.99, or $40 with a coupon.", "The jacket costs forty-nine dollars and ninety-nine cents, or forty dollars with a coupon."),
    ("About 62% of the 1,200 visitors came by bicycle.", "About sixty-two percent of the one thousand two hundred visitors came by bicycle."),
    ("Dr. Lee drove 3.5 km in 1987 to see Mr. Brown.", "Doctor Lee drove three point five kilometers in nineteen eighty-seven to see Mister Brown."),
    ("The 21st runner finished in 2nd place on July 4th.", "The twenty-first runner finished in second place on July fourth."),
    ("It was -8°C at noon and 15°C by 6 p.m.", "It was minus eight degrees Celsius at noon and fifteen degrees Celsius by six PM."),
    ("The recipe needs 1/2 cup of sugar and 250 g of flour.", "The recipe needs one half cup of sugar and two hundred fifty grams of flour."),
    ("King Henry VIII built 5 ships between 1510 and 1514.", "King Henry the eighth built five ships between fifteen ten and fifteen fourteen."),
    ("Please call 555-0142 before 10/31/2026.", "Please call five five five zero one four two before October thirty-first, twenty twenty-six."),
)  # fmt: skip

CHINESE = (
    ("老渔夫把小船拴在码头旁边的柳树上。", "老渔夫把小船拴在码头旁边的柳树上"),
    ("昨天晚上，邻居家的猫跳上了我们的屋顶。", "昨天晚上邻居家的猫跳上了我们的屋顶"),
    ("她把刚写好的信放进一个蓝色的信封里。", "她把刚写好的信放进一个蓝色的信封里"),
    ("孩子们在雪地里堆了一个很大的雪人。", "孩子们在雪地里堆了一个很大的雪人"),
    ("火车穿过隧道以后，窗外出现了一片湖水。", "火车穿过隧道以后窗外出现了一片湖水"),
    ("医生建议他每天早上喝一杯温水。", "医生建议他每天早上喝一杯温水"),
    ("图书馆的三楼有很多关于天文学的书。", "图书馆的三楼有很多关于天文学的书"),
    ("这家饭店的豆腐又便宜又好吃。", "这家饭店的豆腐又便宜又好吃"),
    ("2024年5月6日，气温达到35度。", "二零二四年五月六日气温达到三十五度"),
    ("这双鞋原价480元，现在打8折。", "这双鞋原价四百八十元现在打八折"),
)

MINUTE = (
    "Every morning the clockmaker walked down to the river with a small brass telescope under his arm. He said that the "
    "water told him more about time than any pendulum could, because it never repeated itself. The children of the town "
    "followed him in a long line, counting the bridges and the boats. On rainy days he stayed in his workshop, where a "
    "hundred clocks ticked at once and none of them agreed. When a visitor asked him which one was right, he opened the "
    "window and pointed at the swallows. They left in autumn and came back in spring, he explained, and in forty years they "
    "had never been late. One evening a young woman brought him a watch that had stopped on the day of her birth. He worked "
    "on it until midnight, and when it began to tick again, all the other clocks fell silent to listen."
)  # fmt: skip
