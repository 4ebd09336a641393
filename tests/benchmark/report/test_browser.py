"""The report in Chromium: without errors or requests, sortable, on a phone and on paper."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.report.page import write_report
from tests.benchmark.report.made import ROWS, make
from tests.benchmark.report.retrieved import with_retrieval
from tests.benchmark.report.test_report import HOSTILE
from tests.conftest import REQUIRED

CHROMIUM = shutil.which("chromium")
A4 = 688  # CSS pixels between the margins of a printed page
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNFOLD = "for (const each of document.querySelectorAll('details')) each.open = true"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if REQUIRED in os.environ:
            pytest.fail("no chromium: install Debian's package")
        pytest.skip("no chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with a row whose name is an attack."""
    folder = with_retrieval(make(tmp_path_factory.mktemp("browser"), {**ROWS, HOSTILE: "method"}))
    return write_report(folder, "exact", BenchmarkRecord.read(folder))


@dataclass
class Opened:
    """A page, what it has complained of and what it has asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Opened]:
    """The report on a phone, its charts drawn."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    found = Opened(page)
    page.on("console", lambda message: found.errors.append(message.text))
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("dialog", lambda dialog: found.errors.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: found.requests.append(request.url.partition(":")[0]))
    page.goto(report.as_uri())
    page.locator(".chart svg").nth(1).wait_for(timeout=60_000)
    yield found
    page.close()


def test_has_no_errors_and_asks_for_nothing(opened: Opened) -> None:
    opened.page.locator(".chart select").first.select_option(index=1)
    assert opened.errors == []
    assert opened.requests.count("file") == 1
    assert set(opened.requests) <= {"file", "data"}
    images = opened.page.locator("img").evaluate_all("all => all.map(each => each.complete && each.naturalWidth > 0)")
    assert images
    assert all(images)


def test_fits_a_phone_and_a_printed_page(opened: Opened) -> None:
    opened.page.evaluate(UNFOLD)
    assert opened.page.evaluate(OVERFLOW) == 0
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size({"width": A4, "height": 900})
    assert opened.page.evaluate(OVERFLOW) == 0


def test_sorts_by_a_click_and_by_the_keyboard(opened: Opened) -> None:
    table = opened.page.locator("#scores table").first
    heading = table.locator("th").nth(2)

    def column() -> list[float]:
        values: list[float] = table.locator("tbody tr td:nth-child(3)").evaluate_all(
            "cells => cells.map(cell => Number(cell.dataset.value))"
        )
        return values

    unsorted = column()
    heading.locator("button").click()
    assert column() == sorted(unsorted) != unsorted
    assert heading.get_attribute("aria-sort") == "ascending"
    opened.page.keyboard.press("Enter")
    assert column() == sorted(unsorted, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"


def test_a_number_leads_to_its_runs(opened: Opened) -> None:
    number = opened.page.locator("#scores td a").nth(1)
    target = opened.page.locator(number.get_attribute("href") or "")
    assert not target.evaluate("details => details.open")
    number.click()
    opened.page.wait_for_function("element => element.open", arg=target.element_handle())
    assert target.locator("table").is_visible()


def test_is_dark_where_the_reader_prefers_it(opened: Opened) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(colour)
    opened.page.emulate_media(color_scheme="dark")
    assert opened.page.evaluate(colour) != light
