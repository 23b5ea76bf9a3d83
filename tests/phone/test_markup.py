"""Telegram's HTML: what is understood, and what is refused in which words."""

import pytest

from bot.phone.errors import ApiError
from bot.phone.markup import parse_html, plain, with_automatic_entities


def kinds(source: str) -> list[tuple[str, int, int]]:
    return [(entity["type"], entity["offset"], entity["length"]) for entity in parse_html(source).entities]


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("<b>BUY</b> 1", "BUY 1", [("bold", 0, 3)]),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("<STRONG>a</Strong>", "a", [("bold", 0, 1)]),
        ("M&amp;M &lt;5&gt; &#8377;&#x20B9;", "M&M <5> ₹₹", []),
        ("M&M &nbsp; &", "M&M &nbsp; &", []),
        ("🟢 <b>x</b>", "🟢 x", [("bold", 3, 1)]),
        ("<tg-spoiler>a</tg-spoiler>", "a", [("spoiler", 0, 1)]),
        ('<span class="tg-spoiler">a</span>', "a", [("spoiler", 0, 1)]),
        ("<blockquote expandable>a</blockquote>", "a", [("expandable_blockquote", 0, 1)]),
        ("<b>a</>", "a", [("bold", 0, 1)]),
        ("<b></b>a", "a", []),
        ("  <b> a</b> \n", "a", [("bold", 0, 1)]),
        ("<pre>  a\n  b</pre>", "a\n  b", [("pre", 0, 5)]),
    ],
)
def test_html_becomes_text_and_entities_counted_in_utf16(source, text, entities):
    assert parse_html(source).text == text
    assert kinds(source) == entities


def test_a_code_block_keeps_its_language():
    formatted = parse_html('<pre><code class="language-python">x</code></pre>')
    assert formatted.entities == ({"type": "pre", "offset": 0, "length": 1, "language": "python"},)


def test_a_link_keeps_its_address_and_a_script_address_is_no_link():
    assert parse_html('<a href="https://kite.trade/?a=1&amp;b=2">x</a>').entities[0]["url"] == (
        "https://kite.trade/?a=1&b=2"
    )
    assert parse_html('<a href="javascript:alert(1)">x</a>').entities == ()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("₹<script>x</script>", 'Unsupported start tag "script" at byte offset 3'),
        ("<b><i>a</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("<b>a</b", "Unclosed end tag at byte offset 4"),
        ("<a href='x", "Unclosed start tag at byte offset 0"),
        ("<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<!-- x -->", 'Unsupported start tag "!--" at byte offset 0'),
    ],
)
def test_broken_html_is_refused_in_telegrams_words(source, words):
    with pytest.raises(ApiError) as refusal:
        parse_html(source)
    assert refusal.value.code == 400
    assert refusal.value.description == f"Bad Request: can't parse entities: {words}"


def test_commands_and_addresses_are_recognised_outside_code():
    formatted = with_automatic_entities(
        parse_html("Use /help or https://a.in/x, not <code>/stop</code> and/or")
    )
    found = [(e["type"], e["offset"], e["length"]) for e in formatted.entities]
    assert ("bot_command", 4, 5) in found
    assert ("url", 13, 14) in found
    assert [kind for kind, _, _ in found].count("bot_command") == 1


def test_a_typed_command_with_arguments_is_one_entity_at_the_start():
    formatted = with_automatic_entities(plain("/buy NIFTY ATM CE 1 lot"))
    assert formatted.entities == ({"type": "bot_command", "offset": 0, "length": 4},)
