"""Messages as Telegram takes them (facts/reliability.md 6.5, T11)."""

import html

import pytest

from bot.phone.markup import parse_html, utf16_length
from bot.texts import LONGEST, clean, length, plain, shortened, split

HOSTILE = ["<b>", "_*[", "\u202ekcatta", "a\x00b", "</pre></b>", "&lt;", "M&M"]


@pytest.mark.parametrize("limit", [40, 100, 1000])
def test_parts_fit_lose_no_word_and_are_well_formed(limit):
    text = "<b>Head &amp; line</b>\n<pre>" + "\n".join(f"row {n} &lt;{n}&gt;" for n in range(60)) + "</pre>"
    parts = split(text, limit)
    assert all(length(part) <= limit for part in parts)
    said = "".join(parse_html(part).text for part in parts)
    assert said.split() == plain(text).split() or "".join(said.split()) == "".join(plain(text).split())


def test_a_cut_is_at_the_end_of_a_line_where_there_is_one():
    parts = split("\n".join(f"line {n}" for n in range(2000)))
    assert all(part.startswith("line ") for part in parts)
    assert all(part.splitlines()[-1].removeprefix("line ").isdecimal() for part in parts)


def test_no_entity_is_torn_apart():
    for part in split("&amp;" * 3000):
        assert part == "&amp;" * (len(part) // 5)


def test_an_emoji_counts_as_telegram_counts_it():
    text = "🟡" * 4096
    assert length(text) == utf16_length(text) == 8192
    assert all(utf16_length(part) <= LONGEST for part in split(text))


def test_what_is_shortened_says_so_and_closes_its_tags():
    found = shortened("<b>" + "word " * 2000 + "</b>")
    assert length(found) <= LONGEST
    assert found.endswith("</b>\n…")


def test_nothing_is_left_of_what_telegram_refuses_or_what_deceives_the_eye():
    assert clean("a\x00b\u202ec\u2066d\ud800e\nf\tg") == "abcde\nf\tg"
    assert clean("\x00") == "·"


@pytest.mark.parametrize("words", [*HOSTILE, "".join(HOSTILE) * 1000])
async def test_hostile_words_arrive_as_words(stage, words):
    await stage.tell(f"<b>⛔ Not understood</b>\n{html.escape(words)}")
    await stage.settled()
    for _ in range(12):
        await stage.forward(5)
    said = "".join("".join(text.split()) for text in stage.texts())
    assert said == "".join(clean(f"⛔ Not understood {words}").split())
    assert await stage.waiting() == 0


async def test_half_a_character_costs_neither_the_fact_nor_the_message(stage):
    await stage.tell("before \ud800 after")
    await stage.settled()
    assert stage.texts() == ["before ? after"]


async def test_a_text_that_is_too_long_is_several_messages_also_when_one_of_them_fails(stage):
    from bot.phone import FaultKind  # noqa: PLC0415

    words = " ".join(f"word{index:04}" for index in range(1500))
    await stage.tell(words)
    stage.fault(FaultKind.FLOOD, retry_after=3)
    for _ in range(5):
        await stage.forward(5)
    assert " ".join(stage.texts()).split() == words.split()
    assert await stage.waiting() == 0
