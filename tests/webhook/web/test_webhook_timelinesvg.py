"""The timeline: what a bar looks like, where it stands, and what is left out."""

import re
from xml.etree import ElementTree

from webhook.core.severity import LEVELS, Level
from webhook.web.timelinesvg import MOST_LANES, Bar, lanes_of, legend, timeline_svg

HOUR = 3600.0


def bar(start: float, end: float, level: Level = "medium", incident: int = 1) -> Bar:
    return Bar(incident, start * HOUR, end * HOUR, level, f"{level}: <cpu> & more")


def drawn(*bars: tuple[str, Bar]) -> list[ElementTree.Element]:
    """Return the drawing for wide screens and that for phones."""
    lanes, _ = lanes_of(bars)
    text = timeline_svg(lanes, 0.0, 24 * HOUR, "UTC", "incidents/")
    return list(ElementTree.fromstring(f"<all>{text}</all>"))


def boxes(svg: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    rects = [next(link.iter("rect")).attrib for link in svg.iter("a")]
    return [
        (float(rect["x"]), float(rect["y"]), float(rect["width"]), float(rect["height"]))
        for rect in rects
    ]


def test_the_worst_queries_come_first_and_the_rest_is_counted() -> None:
    many = [(f"q{i:02}", bar(1, 2, "low")) for i in range(MOST_LANES + 3)]
    lanes, left_out = lanes_of([*many, ("z", bar(1, 2, "critical")), ("y", bar(1, 2, "high"))])
    assert [lane.name for lane in lanes[:3]] == ["z", "y", "q00"]
    assert (len(lanes), left_out) == (MOST_LANES, 5)
    twice = lanes_of([("a", bar(1, 2)), ("b", bar(1, 2)), ("b", bar(3, 4))])[0]
    assert [lane.name for lane in twice] == ["b", "a"]


def test_bars_stand_where_they_were_one_above_the_other() -> None:
    broad, slim = drawn(
        ("cpu", bar(6, 12)), ("cpu", bar(7, 8)), ("cpu", bar(13, 14)), ("disk", bar(-5, 30))
    )
    assert (broad.attrib["class"], slim.attrib["class"]) == ("timeline broad", "timeline slim")
    disk, *cpu = sorted(boxes(broad), key=lambda box: box[0])
    assert (disk[0], disk[2]) == (6, 948), "cut at both ends of the day"
    assert [round(box[0]) for box in cpu] == [243, 282, 520]
    assert cpu[0][1] == cpu[2][1] != cpu[1][1]
    assert all(box[0] + box[2] <= 340 for box in boxes(slim))


def test_what_is_short_can_be_seen_and_levels_are_told_apart_without_colour() -> None:
    broad, _ = drawn(*((level, bar(3, 3, level)) for level in LEVELS))
    found = boxes(broad)
    assert {box[2] for box in found} == {4.0}
    assert len({box[3] for box in found}) == len(LEVELS), "each has a height of its own"
    fills = {rect.attrib.get("fill", rect.attrib.get("class")) for rect in broad.iter("rect")}
    assert {"url(#broad-high)", "url(#broad-medium)", "url(#broad-low)", "f-critical"} <= fills
    ids = [each.attrib["id"] for each in broad.iter("pattern")]
    assert ids == ["broad-high", "broad-medium", "broad-low"]
    letters = [text.text for text in drawn(("a", bar(3, 9, "critical")))[0].iter("text")]
    assert "C" in letters


def test_words_are_escaped_links_lead_on_and_keyboards_go_by() -> None:
    broad, _ = drawn((f"<b>{'x' * 300}", bar(1, 2, incident=42)))
    (link,) = broad.iter("a")
    assert link.attrib == {"href": "incidents/42", "tabindex": "-1"}
    assert [title.text for title in link.iter("title")] == ["medium: <cpu> & more"]
    assert broad.attrib["aria-hidden"] == "true"
    names = [text.text or "" for text in broad.iter("text") if "xxx" in (text.text or "")]
    assert [len(name) < 150 and name.endswith("…") for name in names] == [True]


def test_the_legend_names_every_level() -> None:
    text = re.sub(r"<[^>]+>", "", legend())
    assert [word for word in text.split() if word in LEVELS] == list(LEVELS)
