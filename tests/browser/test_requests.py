"""What a page asks, and how often, whatever happens meanwhile; the console's answers are the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from gateway.doors.cli.local_city import free_port
from gateway.doors.console.settings import ConsoleSettings
from gateway.doors.console.visit import render
from tests.browser.conftest import served, until

SLOW_TO_FORGET = """
const forget = IDBObjectStore.prototype.delete;
IDBObjectStore.prototype.delete = function (...given) {
  const asked = forget.apply(this, given);
  let more = 5000;
  const goOn = () => { if (more-- > 0) this.count().onsuccess = goOn; };
  asked.addEventListener("success", goOn);
  return asked;
};
"""
SLOW_TO_READ = """
const get = IDBObjectStore.prototype.get;
let slow = true;
IDBObjectStore.prototype.get = function (...given) {
  const asked = get.apply(this, given);
  let more = slow && document.activeElement?.id === "cancel" ? 5000 : 0;
  slow &&= !more;
  const goOn = () => { if (more-- > 0) this.count().onsuccess = goOn; };
  asked.addEventListener("success", goOn);
  return asked;
};
"""
"""Reads the key slowly once, for the button that is clicked."""
PROFILE = {"name": "a.json", "mimeType": "application/json", "buffer": b"{}"}
GROWING = """async () => {
  const { Pages } = await import("/static/pages.js");
  let there = 150, pages;
  const rows = (from) => Array.from({ length: Math.min(100, there - from) }, (_, row) => [from + row]);
  const answer = async (url) => {
    const found = rows(Number(new URL(url, location.origin).searchParams.get("from")));
    if (there === 150) {
      there = 200;
      pages.grow(there);
    }
    return { ok: true, json: async () => ({ rows: found, total: there }) };
  };
  pages = new Pages("/rows", answer, () => {}, () => {});
  pages.grow(there);
  pages.want(100, 140);
  for (let waited = 0; waited < 100 && !pages.row(199); waited += 1) await new Promise((go) => setTimeout(go, 50));
  return pages.row(199);
}"""


class Answers:
    """A page whose requests a test answers, each as often as it is asked."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.asked: list[str] = []
        self.held: list[Route] = []

    def answer(self, path: str, body: str = "", *, status: int = 200, **headers: str) -> None:
        """Answer a path from now on; `HX_Redirect` stands for the header `HX-Redirect`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"Content-Type": "text/html"}

        def fulfil(route: Route) -> None:
            self.asked.append(path)
            route.fulfill(status=status, body=body, headers=sent)

        self.page.route(self.url + path, fulfil)

    def hold(self, path: str) -> None:
        """Let a path wait for its answer."""

        def keep(route: Route) -> None:
            self.asked.append(path)
            self.held.append(route)

        self.page.route(self.url + path, keep)

    def show(self, main: str) -> None:
        """Open a page of the console that holds this."""
        self.answer("/-/overview", f"<title>x</title><main id='main'><h1>x</h1>{main}</main>")
        self.page.goto(f"{self.url}/overview")
        self.page.wait_for_selector("main h1")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = ConsoleSettings(
        listen=f"127.0.0.1:{free_port()}", gateway="grpc://127.0.0.1:9", directory=tmp_path_factory.mktemp("console")
    )
    with served(settings) as url:
        yield url


@pytest.fixture
def answers(url: str, chromium: Browser) -> Iterator[Answers]:
    context = chromium.new_context(locale="zh-CN")
    yield Answers(context.new_page(), url)
    context.close()


def progress(state: str) -> str:
    run = SimpleNamespace(id="x", spool=SimpleNamespace(rows=0), size=0, seconds=lambda: 1.0)
    return render("result_state.html", language="zh", state=state, run=run, reasons=())


def test_a_click_survives_that_its_part_of_the_page_is_renewed(answers: Answers) -> None:
    """Progress that is renewed while the button is held down: the query is cancelled all the same."""
    page = answers.page
    answers.answer("/-/results/x/state", progress("running"))
    answers.answer("/-/results/x/cancel", progress("cancelled"))
    answers.show(progress("running"))
    page.get_by_role("button", name="取消").hover()
    page.mouse.down()
    before = len(answers.asked)
    until(page, lambda: len(answers.asked) >= before + 2)
    page.mouse.up()
    expect(page.get_by_text("查询已取消")).to_be_visible()
    assert answers.asked.count("/-/results/x/cancel") == 1


def test_a_click_survives_that_its_part_is_renewed_while_it_is_proved(answers: Answers) -> None:
    """The proof takes longer than the next answer; what is asked reaches the console."""
    page = answers.page
    page.add_init_script(SLOW_TO_READ)
    answers.answer("/-/results/x/state", progress("running"))
    answers.answer("/-/results/x/cancel", progress("cancelled"))
    answers.show(progress("running"))
    page.get_by_role("button", name="取消").click()
    expect(page.get_by_text("查询已取消")).to_be_visible()


def test_a_double_click_asks_once(answers: Answers) -> None:
    """Neither while the first is on its way nor when its answer leads to another page."""
    page = answers.page
    answers.hold("/-/again")
    answers.answer("/results/new", "<h1>new</h1>")
    answers.show("<button hx-post='/-/again'>go</button>")
    button = page.get_by_role("button", name="go")
    button.dblclick()
    until(page, lambda: bool(answers.held))
    button.click()
    answers.held[0].fulfill(status=200, body="", headers={"HX-Redirect": "/results/new"})
    page.wait_for_url("**/results/new")
    assert answers.asked.count("/-/again") == 1


def test_a_form_with_other_values_is_asked_again(answers: Answers) -> None:
    """What was changed while the first search is on its way is searched for; the same is not."""
    page = answers.page
    answers.hold("/-/search")
    answers.show(
        "<form hx-post='/-/search' hx-target='#found'><input name='q'><button>go</button></form><p id='found'></p>"
    )
    page.get_by_role("textbox").fill("a")
    page.get_by_role("button", name="go").dblclick()
    until(page, lambda: len(answers.held) == 1)
    page.get_by_role("textbox").fill("b")
    page.get_by_role("button", name="go").click()
    answers.held[0].fulfill(status=200, body="a")
    until(page, lambda: len(answers.held) == 2)
    assert answers.held[1].request.post_data == "q=b"
    answers.held[1].fulfill(status=200, body="b")
    expect(page.locator("#found")).to_have_text("b")
    expect(page.locator(".proving, .htmx-request")).to_have_count(0)
    assert len(answers.held) == 2


def test_after_a_download_its_button_works_again(answers: Answers) -> None:
    """The page stays, and nothing says any more that the file is being made."""
    page = answers.page
    answers.answer("/-/file", HX_Redirect="/download/secret")
    answers.answer("/download/secret", "rows", Content_Disposition="attachment; filename=a.csv")
    answers.show("<button hx-post='/-/file' hx-disabled-elt='this'>CSV</button>")
    button = page.get_by_role("button", name="CSV")
    for _ in range(2):
        with page.expect_download():
            button.click()
        expect(button).to_be_enabled()
        expect(page.locator(".htmx-request")).to_have_count(0)


def test_what_a_page_asks_by_itself_does_not_change_where_signing_out_leads(answers: Answers) -> None:
    """The session is over when the page asks next: the sign-in says that one has signed out, and nothing else."""
    page = answers.page
    page.add_init_script(SLOW_TO_FORGET)
    answers.answer("/-/sign-out", HX_Redirect="/login?why=out")
    answers.answer("/-/poll", status=401, HX_Redirect="/login?why=none")
    answers.show(
        "<button hx-post='/-/sign-out'>out</button><p hx-get='/-/poll' hx-trigger='click from:button delay:20ms'></p>"
    )
    page.get_by_role("button", name="out").click()
    page.wait_for_url("**/login?*")
    assert page.url == f"{answers.url}/login?why=out"


def test_a_page_that_is_refused_again_and_again_ends_at_the_sign_in(answers: Answers) -> None:
    """The key of the new session was never kept: opening the page anew does not help a second time."""
    page = answers.page
    answers.answer("/-/overview", status=401, HX_Refresh="true")
    page.goto(f"{answers.url}/overview", wait_until="commit")
    page.wait_for_url("**/login?why=none&next=%2Foverview")
    assert len(answers.asked) == 2


def test_nobody_signs_in_before_the_page_can(answers: Answers) -> None:
    """Until the key can be made the buttons do nothing: the browser itself would send the form to nowhere."""
    page = answers.page
    answers.hold("/static/login.js")
    page.goto(f"{answers.url}/login?next=/query", wait_until="commit")
    for button in (page.locator("#code-form button"), page.locator("#profile-form button")):
        expect(button).to_be_disabled()
    until(page, lambda: bool(answers.held))
    answers.held[0].continue_()
    expect(page.locator("#profile-form button")).to_be_enabled()


def test_nobody_signs_in_twice_while_the_page_leads_on(answers: Answers) -> None:
    """A second session would end the first one; what was refused can be tried again."""
    page, button = answers.page, answers.page.locator("#profile-form button")
    answers.answer("/login/profile", "<p>no</p>")
    answers.hold("/overview")
    page.goto(f"{answers.url}/login")
    page.set_input_files("#profile", PROFILE)
    button.click()
    expect(page.locator("#outcome")).to_have_text("no")
    expect(button).to_be_enabled()
    answers.answer("/login/profile", HX_Redirect="/overview")
    button.click()
    until(page, lambda: bool(answers.held))
    answers.held[0].fulfill(status=204)  # which leaves the page where it is
    expect(button).to_be_disabled()


def test_rows_that_come_while_their_page_is_fetched_are_fetched(answers: Answers) -> None:
    """The answer holds half a page, and the other half was there before it came."""
    answers.page.goto(f"{answers.url}/login")
    assert answers.page.evaluate(GROWING) == [199]
