"""The page in a browser without a window: what a reader sees, clicks and hears of it. Skips where there is no browser."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import TEXT, running

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e .[dev]")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium in PATH")

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CONTRASTS = """() => {
  const parse = (text) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("h1,h2,h3,p,li,li span,label,button,summary,input,textarea,select,output,svg text")) {
    if (!node.checkVisibility() || node.disabled || !(node.textContent.trim() || node.value)) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parse(node.closest("svg") ? style.fill : style.color)), light(ground(node.closest("svg") ?? node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push([node.tagName, node.className.toString(), node.textContent.slice(0, 30), ratio.toFixed(2)].join(" | "));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser: Any, url: str, **options: Any) -> Iterator[Any]:
    """A page without errors in its console."""
    context = browser.new_context(**{"viewport": WIDE, **options})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.wait_for_selector(".column")
    yield page
    context.close()
    assert errors == []


def ask(page: Any, question: str = "What is 4 + 5?") -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")


def until(page: Any, expression: str, seconds: float = 20) -> None:
    """Wait until a page says so; its content policy forbids what Playwright's own function does."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def finish(page: Any) -> None:
    page.wait_for_selector(".actions:not([hidden])")


def test_an_answer_streams_into_panels_with_verdicts_and_a_graph(browser, script):
    with running([script(seconds=0.03)]) as address, opened(browser, address) as page:
        ask(page)
        page.wait_for_selector(".panel.PLAN")
        assert page.locator(".panel.ANSWER").count() == 0  # it is written piece by piece
        page.wait_for_selector(".graph svg rect.EXECUTE")
        before = page.locator(".graph svg rect").count()
        finish(page)
        assert page.locator(".graph svg rect").count() > before
        assert page.locator(".panel h3").all_text_contents() == ["UNDERSTAND", "PLAN", "EXECUTE", "VERIFY", "ANSWER"]
        items = page.locator(".panel.EXECUTE li").all_text_contents()
        assert items == ["4+5=9 ✓", "9+1=11 ✗ comes to 10"]
        assert "2 of 3 computations are right" in page.locator(".outcome").text_content()
        assert page.locator("#status").text_content() == "done"


def test_stop_ends_the_answer_and_frees_its_place(browser, script):
    with running([script("[PLAN]" + "<STEP>4+5=9" * 40, seconds=0.05)]) as address, opened(browser, address) as page:
        ask(page)
        page.wait_for_selector(".panel.PLAN")
        page.click("#stop")
        until(page, "document.querySelector('.outcome').textContent === 'stopped'")
        assert page.locator("#stop").is_disabled()
        until(page, "fetch('health').then((r) => r.json()).then((h) => h.models.script.writing === 0)")


def test_two_models_answer_side_by_side_and_say_what_they_keep(browser, script, chat_student):
    from distill.serve.decoder import Decoder
    from distill.serve.requests import Served

    models = [script(), Served("chat", Decoder(*chat_student))]
    with running(models) as address, opened(browser, address) as page:
        page.evaluate("document.getElementById('length').value = 12")
        ask(page)
        until(page, "document.querySelectorAll('.actions:not([hidden])').length === 2")
        boxes = [page.locator(".column").nth(i).bounding_box() for i in range(2)]
        assert boxes[0]["y"] == boxes[1]["y"]
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
        notes = page.locator(".column > .note").all_text_contents()
        assert ["last question only" in note for note in notes] == [True, False]


def test_two_tabs_at_once(browser, script):
    with running([script(seconds=0.02)]) as address, opened(browser, address) as one, opened(browser, address) as two:
        ask(one)
        ask(two)
        for page in one, two:
            finish(page)
            assert page.locator(".panel.ANSWER li").all_text_contents() == ["9"]


def test_samples_vote(browser, script):
    with running([script()]) as address, opened(browser, address) as page:
        page.click("summary")
        page.fill("#samples", "5")
        ask(page)
        finish(page)
        assert page.locator(".votes li").first.text_content().startswith("9: ")


def test_a_link_holds_the_question_and_examples_fill_it_in(browser, script):
    with running([script()]) as address:
        with opened(browser, f"{address}/#q=What+is+4+%2B+5%3F+%26+%C3%A9") as page:
            assert page.input_value("#question") == "What is 4 + 5? & é"
            ask(page, "Is 7 odd? <b>&")
            finish(page)
            url = page.url
        with opened(browser, url) as page:
            assert page.input_value("#question") == "Is 7 odd? <b>&"
            groups = page.locator("#examples optgroup").evaluate_all("all => all.map((one) => one.label)")
            assert groups == ["English", "Português", "Tiếng Việt"]
            page.select_option("#examples", index=1)
            assert page.input_value("#question")


def test_text_and_graph_can_be_taken_away(browser, script):
    permissions = {"permissions": ["clipboard-read", "clipboard-write"]}
    with running([script()]) as address, opened(browser, address, **permissions) as page:
        ask(page)
        finish(page)
        page.click(".copy")
        until(page, "document.querySelector('.copy').textContent === 'Copied'")
        assert page.evaluate("navigator.clipboard.readText()") == TEXT
        with page.expect_download() as download:
            page.click(".save")
        picture = download.value.path().read_text(encoding="utf-8")
        assert picture.startswith("<svg") and "What is 4 + 5?" in picture


def test_markup_in_questions_and_answers_stays_text(browser, script):
    evil = "<img src=x onerror=alert(1)>"
    text = f"[PLAN]<STEP>{evil}[EXECUTE]<STEP>4+5=9 {evil}</THINK><ANS>{evil}</ANS>"
    with running([script(text)]) as address, opened(browser, address) as page:
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        ask(page, f"<script>alert(1)</script>{evil}")
        finish(page)
        assert page.locator("main img, main script").count() == 0
        assert evil in page.locator(".panel.PLAN").text_content()


def test_a_wrong_key_is_asked_for_again(browser, script):
    with running([script()], api_key="right", is_local=True) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        for key in "wrong", "right":
            page.wait_for_selector("#key-form:not([hidden])")
            page.fill("#key", key)
            page.press("#key", "Enter")
            if key == "wrong":
                until(page, "document.getElementById('status').textContent.includes('wrong')")
        page.wait_for_selector(".column")
        ask(page)
        finish(page)
        context.close()


def test_what_the_server_refuses_is_said_on_the_page(browser, script):
    with running([script()]) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(".column")
        ask(page, "1 " * 4000)
        page.wait_for_selector(".outcome.failed")
        assert "too long" in page.locator(".outcome").text_content()
        context.close()


def test_everything_is_reached_by_the_keyboard_and_has_a_name(browser, script):
    with running([script()]) as address, opened(browser, address) as page:
        names = page.evaluate(
            "[...document.querySelectorAll('main input, main textarea, main select')].filter((e) => !e.labels.length).map((e) => e.id)"
        )
        assert names == []
        page.click("summary")
        page.focus("#question")
        reached = []
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert {"ask", "link", "examples", "SUMMARY", "temperature", "length", "samples", "vote"} <= set(reached)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_contrast_and_width_suit_every_reader(browser, script, scheme, viewport):
    with running([script()]) as address, opened(browser, address, viewport=viewport, color_scheme=scheme) as page:
        page.click("summary")
        ask(page)
        finish(page)
        assert page.evaluate(CONTRASTS) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_is_loaded_from_elsewhere(browser, script):
    with running([script()]) as address, opened(browser, address) as page:
        urls: list[str] = []
        page.on("request", lambda request: urls.append(request.url))
        page.reload()
        page.wait_for_selector(".column")
        assert len(urls) >= 4
        assert all(url.startswith(address) for url in urls)


def test_the_page_says_when_the_verification_adapter_is_on(browser, script):
    served = script(seconds=0.03)
    served.decoder.model.verify_gate = None  # as an adapter student has one; the script needs none
    with running([served]) as address, opened(browser, address) as page:
        ask(page)
        page.wait_for_selector(".panel")
        seen = set()
        while page.locator(".actions").is_hidden():
            seen.add(
                tuple(page.evaluate("['.panel.VERIFY', '.gate:not([hidden])'].map((s) => !!document.querySelector(s))"))
            )
        assert (False, False) in seen
        assert (True, False) not in seen  # the marker comes before its panel has text
        assert page.locator(".gate").is_visible()
