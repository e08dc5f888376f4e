import pytest
from bs4 import BeautifulSoup

from catalog.markdown import LEAD_LENGTH, MAX_LENGTH, render
from tests.catalog.pages import no_cards, select, texts  # noqa: F401 -- a fixture
from tests.factories import make_entity, make_user


def whole(text):
    shown = render(text)
    return BeautifulSoup(f"{shown.lead}{shown.rest}", "html.parser")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Sells **fast** and *well*.", "<p>Sells <strong>fast</strong> and <em>well</em>.</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("`x < y`", "<p><code>x &lt; y</code></p>"),
        ("~~old~~", "<p><s>old</s></p>"),
        ("2. b", '<ol start="2">\n<li>b</li>\n</ol>'),
        ("# A\n\n##### B", "<h3>A</h3>\n<h3>B</h3>"),
    ],
)
def test_says_what_the_text_says(text, html):
    assert render(text).lead == html


def test_a_table_is_a_table():
    soup = whole("| a | b |\n|---|---|\n| 1 | 2 |")
    assert [cell.get_text() for cell in soup.select("td")] == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<a href="javascript:alert(1)">x</a>',
        "<style>*{display:none}</style>",
        '<iframe src="https://example.com"></iframe>',
        "<svg/onload=alert(1)>",
        "a <!-- b --> <b>c</b>",
        "```html\n<script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "`<script>alert(1)</script>`",
    ],
)
def test_html_in_a_description_is_text(text):
    soup = whole(text)
    assert {tag.name for tag in soup.find_all()} <= {"p", "pre", "code"}
    assert not any(tag.attrs for tag in soup.find_all())


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "java&#x0a;script:alert(1)",
        "&#106;avascript:alert(1)",
        "\\javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "//example.com/x",
        "/admin/",
        "docs/readme.md",
        "#top",
        "https://[broken",
        "",
    ],
)
@pytest.mark.parametrize(
    "form", ["[text]({})", "[text](<{}>)", "![text]({})", "[text][r]\n\n[r]: <{}>", "<{}>"]
)
def test_only_web_and_mail_addresses_are_links(address, form):
    soup = whole(form.format(address))
    assert not soup.select("[href], [src]")


def test_web_and_mail_addresses_are_links_that_tell_the_other_site_nothing():
    soup = whole("[a](https://example.com/a?b=1&c=2 'more') <mailto:a@example.com> http://x.y")
    assert [a["href"] for a in soup.select("a")] == [
        "https://example.com/a?b=1&c=2",
        "mailto:a@example.com",
    ]
    assert all(a["rel"] == ["noopener", "noreferrer"] for a in soup.select("a"))
    assert soup.select("a")[0]["title"] == "more"


def test_no_attribute_comes_from_the_text():
    soup = whole('[a](https://x.y \'b" onclick="alert(1)\') ![c" onerror="d](https://x.y/p.png)')
    assert {key for tag in soup.find_all() for key in tag.attrs} == {"href", "title", "rel"}


def test_a_picture_is_a_link_under_its_description():
    soup = whole("![The *plan*](https://example.com/p.png) ![](https://example.com/q.png)")
    assert [(a["href"], a.get_text()) for a in soup.select("a")] == [
        ("https://example.com/p.png", "The plan"),
        ("https://example.com/q.png", "picture"),
    ]


def test_a_picture_within_a_link_is_its_description():
    soup = whole("[![build <b>](https://a.b/c.svg)](https://ci.example.com) ![x](https://y.z/1)")
    links = soup.select("a")
    assert [a["href"] for a in links] == ["https://ci.example.com", "https://y.z/1"]
    assert links[0].get_text() == "build <b>"


@pytest.mark.parametrize(
    "text",
    [
        "> " * 10_000,
        "- " * 10_000,
        "[" * 20_000,
        "![[" * 6_000,
        "*a_" * 6_000,
        "[a](" * 5_000,
        "`" * 19_999,
        "|a" * 9_000 + "\n" + "|-" * 9_000,
        "<" * 20_000,
        "&" * 20_000,
        "[a]: x\n" * 2_800,
        "\x00" * 100,
    ],
    ids=lambda text: repr(text[:6]),
)
def test_a_hostile_text_comes_to_an_end(text):
    assert isinstance(render(text).lead, str)


def test_the_first_paragraph_is_plain_text_for_the_header():
    text = render("Takes **orders** from\n[here](https://x.y) `a<b>`.\n\nMore.")
    assert text.first == "Takes orders from here a<b>."
    assert not text.is_plain
    assert render("Sells.").is_plain
    assert render("").first == ""
    assert render("---").first == ""


def test_a_long_description_is_folded_between_two_blocks():
    blocks = [f"Block {number}. " + "word " * 60 for number in range(6)]
    text = render("\n\n".join(blocks))
    assert text.lead.count("<p>") + text.rest.count("<p>") == 6
    assert 2 <= text.lead.count("<p>") < 6
    assert len(text.lead) > LEAD_LENGTH


def test_one_very_long_block_is_folded_whole():
    text = render("word " * 2_000)
    assert text.lead == ""
    assert text.rest.startswith("<p>word word")


def test_what_is_too_long_is_cut_and_counted():
    text = render("a" * (MAX_LENGTH + 7))
    assert text.left_out == 7


@pytest.mark.django_db
@pytest.mark.usefixtures("no_cards")
def test_the_page_shows_the_description_masked_and_clean(client):
    key = "0123456789abcdef0123456789abcdef"
    entity = make_entity(
        "shop",
        description=f"Sells **fast**.\n\n<script>alert(1)</script> [x](javascript:a) `{key}`",
        annotations={"acme.com/api-key": key},
    )
    client.force_login(make_user())
    page = client.get(entity.get_absolute_url())
    assert texts(page, ".entity-lead") == ["Sells fast."]
    assert texts(page, ".prose strong") == ["fast"]
    assert key not in page.text
    assert "****cdef" in page.text
    assert "<script>alert" not in page.text
    assert not select(page, '.prose [href^="javascript"]')
