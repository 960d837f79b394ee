"""The page in a real browser: what people see, what nothing can make it do, the saved file.

Needs Chromium (Debian: `apt install chromium`) and playwright, which drives it; `.ci/run`
installs both. What is compared with the commands is compared in `test_panels`; here it is
the text on the screen.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import Served, served
from small import TERMS, automaton, ran, rich, rule, transition, written

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("plotly", reason="plotly, whose script draws the page, is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
SECONDS = 60_000.0  # milliseconds that anything may take
PANELS = ("rates", "outcomes", "kymograph", "competition", "population", "lineage", "phylogeny",
          "memory", "diversity", "decisions")  # fmt: skip
#: What somebody may call things who wishes a reader ill.
HOSTILE = "<img src=x onerror=\"document.title='ran'\">'\"&lt;\u202egnorw"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        own = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield own
        own.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    ran(found, 40, parallel=32, max_objects=60, streams="all", seed=3)
    return found


@pytest.fixture(scope="module")
def page(path: Path) -> Iterator[Served]:
    with served(path) as found:
        yield found


def opened(browser: Any, page: Served, **settings: Any) -> Any:
    """A tab with the page, once every panel is drawn."""
    tab = browser.new_page(**settings)
    tab.set_default_timeout(SECONDS)
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.goto(f"http://{page.host}:{page.port}/")
    all_read(tab)
    return tab


def all_read(tab: Any) -> None:
    """Wait until no panel is being read."""
    tab.wait_for_selector("#panels:has(.panel):not(:has(.panel[aria-busy]))")


def said(*words: object) -> Any:
    """What a command prints as JSON, a line a value."""
    command = [sys.executable, "-m", "automaton", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def text(tab: Any, selector: str) -> str:
    return str(tab.locator(selector).inner_text())


# What is seen.


def test_the_screen_shows_what_the_commands_print(browser: Any, page: Served, path: Path) -> None:
    tab = opened(browser, page)
    [stats], population = said("stats", path), said("population", path)
    facts = text(tab, "#facts")
    assert stats["head"] in facts.replace("\n", "")
    assert stats["automaton"] in facts
    assert f"{stats['counters']['modifications']:,}" in facts
    assert f"{len(population)} distinct terms" in text(tab, "#population")
    assert population[0]["readable"] in text(tab, "#population")
    [observed] = said("observe", path)
    for fact in observed["label"]["evidence"][:2]:
        assert fact in text(tab, "#diversity")
    newest = tab.locator("#ask-decisions").input_value()
    [why] = said("why", path, newest)
    assert f"proposed by {why['stream']}" in text(tab, "#decisions")
    assert f"salience {why['salience'] / 65536:.4f}" in text(tab, "#decisions")
    assert tab.errors == []
    tab.close()


def test_every_panel_says_its_source_and_every_plot_has_a_name(browser: Any, page: Served) -> None:
    tab = opened(browser, page)
    for name in PANELS:
        assert "n = " in text(tab, f"#{name} .where"), name
        tab.locator(f"#{name}").scroll_into_view_if_needed()
    plots = tab.locator(".plot:not([hidden])")
    for k in range(plots.count()):
        assert plots.nth(k).get_attribute("role") == "img"
        assert len(plots.nth(k).get_attribute("aria-label")) > 10
        plots.nth(k).scroll_into_view_if_needed()
        plots.nth(k).locator(".main-svg").first.wait_for(state="attached")
    tab.close()


def test_the_playhead_shows_the_state_after_a_tick(browser: Any, page: Served, path: Path) -> None:
    tab = opened(browser, page)
    tab.locator("#tick").fill("7")
    tab.locator("#tick").press("Enter")
    tab.wait_for_selector("#moment[data-tick='7']")
    rows = said("population", path, "--at", 7)
    [series] = [row for row in said("series", path) if row["tick"] == 7]
    moment = text(tab, "#moment")
    assert f"{series['live']} live, {series['distinct']} distinct terms" in moment
    assert f"dimension {series['dimension']}" in moment
    assert rows[0]["readable"] in text(tab, "#population")
    assert "after tick 7" in text(tab, "#population .where")
    tab.get_by_role("button", name="One tick on").click()
    tab.wait_for_selector("#moment[data-tick='8']")
    tab.get_by_role("button", name="Newest", exact=True).click()
    tab.locator("#population .where", has_text="after tick 40").wait_for()
    tab.close()


def test_it_plays_to_the_end(browser: Any, page: Served) -> None:
    tab = opened(browser, page)
    tab.locator("#speed").select_option("10")
    tab.get_by_role("button", name="Play").click()
    tab.wait_for_selector("#moment[data-tick='40']")
    assert tab.locator("#play").get_attribute("aria-pressed") == "false"
    tab.close()


def test_an_ancestry_can_be_walked_by_keyboard(browser: Any, page: Served) -> None:
    tab = opened(browser, page)
    first = tab.locator("#ask-lineage").input_value()
    tab.locator("#lineage summary").focus()
    tab.keyboard.press("Enter")
    parent = tab.locator("#lineage tbody tr").nth(1).get_by_role("button").first
    name = parent.inner_text()
    parent.focus()
    tab.keyboard.press("Enter")
    sync_api.expect(tab.locator("#ask-lineage")).to_have_value(name, timeout=SECONDS)
    assert name != first
    tab.close()


def test_choosing_an_id_anywhere_shows_where_it_comes_from_and_why_it_won(
    browser: Any, page: Served
) -> None:
    tab = opened(browser, page)
    newest = tab.locator("#ask-decisions").input_value()
    assert f"The newest winner is {newest}" in " ".join(text(tab, "#short").split())
    made = re.compile(r"^m\d+\.\d+$")
    for place in ("#population tbody", "#short"):
        tab.locator("#lineage").get_by_role("button", name="Newest winner").click()
        sync_api.expect(tab.locator("#ask-decisions")).to_have_value(newest, timeout=SECONDS)
        button = tab.locator(place).get_by_role("button", name=made).first
        name = button.inner_text().strip()
        button.click()
        sync_api.expect(tab.locator("#ask-lineage")).to_have_value(name, timeout=SECONDS)
        sync_api.expect(tab.locator("#decisions .body")).to_contain_text(f"{name}: round")
        assert "novelty: not seen before" in text(tab, "#decisions")
        assert f"You chose {name}" in " ".join(text(tab, "#short").split())
    tab.locator("#decisions").get_by_role("button", name="Newest winner").click()
    sync_api.expect(tab.locator("#short")).to_contain_text("The newest winner is")
    assert not tab.errors


def test_everything_that_can_be_used_can_be_reached_by_tab(browser: Any, page: Served) -> None:
    tab = opened(browser, page)
    wanted = {"theme", "save", "first", "back", "play", "forth", "live", "speed", "tick",
              "playhead", "ask-lineage", "ask-memory", "ask-decisions"}  # fmt: skip
    seen: set[str] = set()
    for _ in range(120):
        tab.keyboard.press("Tab")
        seen.add(tab.evaluate("document.activeElement.id"))
    assert wanted <= seen
    names = tab.evaluate(
        "[...document.querySelectorAll('button,input,select,a')].filter((e) => !(e.textContent || "
        "e.labels?.length || e.getAttribute('aria-label'))).map((e) => e.outerHTML)"
    )
    assert names == []
    tab.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_are_legible_and_nothing_is_wider_than_the_screen(
    browser: Any, page: Served, width: int, scheme: str
) -> None:
    tab = opened(browser, page, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert tab.evaluate("document.documentElement.dataset.theme") == scheme
    for selector in (".where", "h2", "#facts dd", "#facts small", ".pill", "summary"):
        assert contrast(tab, selector) >= 4.5, selector
    if folder := os.environ.get("AUTOMATON_SCREENSHOTS"):
        tab.screenshot(path=f"{folder}/{width}-{scheme}.png", full_page=True)
    tab.close()


def contrast(tab: Any, selector: str) -> float:
    """The ratio of luminances of a text and what is behind it (WCAG 2)."""
    colours = tab.evaluate(
        """(selector) => {
          const element = document.querySelector(selector);
          let behind = element;
          while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)')
            behind = behind.parentElement;
          return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
            .map((colour) => colour.match(/[0-9.]+/g).slice(0, 3).map(Number));
        }""",
        selector,
    )
    lights = sorted(map(luminance, colours))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: list[float]) -> float:
    """The relative luminance of a colour of sRGB."""
    parts = [c / 255 for c in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# The writer, and the file.


def test_the_head_turns_red_when_the_writer_is_killed(browser: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    command = [sys.executable, "-m", "automaton", str(path), "--interval", "100", "--engine",
               "serial"]  # fmt: skip
    with served(path) as page, subprocess.Popen(command, stdout=subprocess.DEVNULL) as run:
        tab = opened(browser, page)
        tab.wait_for_selector("#writer.good")
        assert "red" not in (tab.locator("#head").get_attribute("class") or "")
        run.send_signal(signal.SIGKILL)
        run.wait()
        tab.wait_for_selector("#head.red")
        assert text(tab, "#writer") == "died"
        tab.close()


def test_the_head_turns_red_when_the_server_is_silent(browser: Any, path: Path) -> None:
    with served(path) as page:
        tab = opened(browser, page)
        page.process.send_signal(signal.SIGSTOP)
        tab.wait_for_selector("#head.red")
        assert "silent" in text(tab, "#alarm")
        assert tab.locator(".panel.stale").count() == len(PANELS)
        page.process.send_signal(signal.SIGCONT)
        tab.wait_for_selector("#head:not(.red)")
        tab.close()


def test_a_log_that_is_replaced_is_said(browser: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 3)
    with served(path) as page:
        tab = opened(browser, page)
        written(tmp_path / "other.jsonl", rich()).replace(path)
        tab.wait_for_selector("#head.red")
        assert "was replaced" in text(tab, "#alarm")
        tab.close()


def test_a_log_without_a_commit_shows_and_wakes_up(browser: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    with served(path) as page:
        tab = opened(browser, page)
        assert "no commit yet" in text(tab, "#rates")
        assert "live in" in text(tab, "#population")
        ran(path, 2, parallel=8)
        tab.locator("#rates .where", has_text="ticks 1 to 2").wait_for()
        assert tab.errors == []
        tab.close()


# What nothing can make it do.


def test_hostile_names_are_shown_as_text_and_run_nothing(browser: Any, tmp_path: Path) -> None:
    long = "w" * 500
    machine = [
        automaton(HOSTILE, 0, term="λa.λb.a b"), rule(f"{HOSTILE} rule", "true", "λa.λb.b"),
        transition("t", HOSTILE, HOSTILE, "self-modify"),
        {"id": f"{HOSTILE}{long}", "type": "text", "text": f"{HOSTILE} `λx.x`"},
        *({**term, "id": f"{HOSTILE}{k}"} for k, term in enumerate(TERMS)),
    ]  # fmt: skip
    path = written(tmp_path / f"{HOSTILE.replace('/', '')[:40]}.jsonl", machine)
    ran(path, 8, parallel=16, streams="all")
    with served(path) as page:
        tab = opened(browser, page, viewport={"width": 390, "height": 800})
        tab.locator("#lineage summary").click()
        for section in PANELS:
            tab.locator(f"#{section}").scroll_into_view_if_needed()
        assert "onerror" in text(tab, "#facts")
        assert "\u202e" not in text(tab, "body")
        assert tab.evaluate("document.querySelectorAll('main img, header img, svg a').length") == 0
        assert "ran" not in tab.title().split(" ")[0]
        assert tab.evaluate("document.documentElement.scrollWidth") == 390
        ask = "fetch('/panel/lineage?id=' + encodeURIComponent(id)).then((r) => r.json())"
        found = tab.evaluate(f"(id) => {ask}", f"{HOSTILE}0")
        assert found["id"] == f"{HOSTILE}0"
        assert tab.errors == []
        tab.close()


def test_a_script_that_somebody_puts_into_the_page_does_not_run(browser: Any, page: Served) -> None:
    tab = opened(browser, page)
    tab.evaluate("""() => {
      const script = document.createElement('script');
      script.textContent = "document.body.dataset.ran = 'yes'";
      document.body.append(script);
      const link = document.createElement('a');
      link.setAttribute('onclick', "document.body.dataset.ran = 'yes'");
      document.body.append(link);
      link.click();
    }""")
    assert tab.evaluate("document.body.dataset.ran") is None
    made = tab.evaluate("""() => new Promise((done) => setTimeout(() => {
      try { done(new Function("return 'ran'")()); } catch (error) { done(error.name); }
    }))""")
    assert made == "EvalError"
    tab.close()


def test_a_page_of_another_origin_can_neither_read_nor_post(browser: Any, page: Served) -> None:
    tab = browser.new_page()
    tab.route(
        "http://evil.example/",
        lambda route: route.fulfill(body="<p>evil", content_type="text/html"),
    )
    tab.goto("http://evil.example/")
    here = f"http://{page.host}:{page.port}/panel/timeline"
    for settings in ("{}", "{method: 'POST', mode: 'no-cors', body: 'x'}"):
        answer = tab.evaluate(f"fetch('{here}', {settings}).then((r) => r.text(), () => 'refused')")
        assert answer in {"refused", ""}
    framed = tab.evaluate(
        f"""new Promise((done) => {{ const f = document.createElement('iframe');
        f.src = '{here}'; f.onload = () => {{ try {{ done(f.contentDocument.body.innerText); }}
        catch {{ done(''); }} }}; document.body.append(f); }})"""
    )
    assert "tick" not in (framed or "")
    tab.close()


# The saved file.


def test_the_saved_page_opens_from_disk_and_asks_nobody(
    browser: Any, path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "page.html"
    command = [sys.executable, "-m", "automaton", "observatory", str(path), "--export", str(target)]
    subprocess.run(command, check=True, capture_output=True)
    tab = browser.new_page()
    tab.set_default_timeout(SECONDS)
    asked: list[str] = []
    errors: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(target.as_uri())
    all_read(tab)
    for name in PANELS:
        tab.locator(f"#{name}").scroll_into_view_if_needed()
        assert "n = " in text(tab, f"#{name} .where")
    tab.wait_for_selector("#population .main-svg")
    [stats] = said("stats", path)
    assert stats["head"] in text(tab, "#facts").replace("\n", "")
    assert text(tab, "#writer") == "saved"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert [url for url in asked if url.startswith("file:")] == [target.as_uri()]
    assert errors == []
    tab.close()


def test_the_page_saved_from_the_page_is_the_same_kind_of_file(
    browser: Any, page: Served, tmp_path: Path
) -> None:
    tab = opened(browser, page)
    with tab.expect_download() as waiting:
        tab.locator("#save").click()
    target = tmp_path / "saved.html"
    waiting.value.save_as(target)
    tab.goto(target.as_uri())
    all_read(tab)
    assert text(tab, "#writer") == "saved"
    tab.close()
