"""A clerk asks again with one click what was saved, and nobody else sees it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn

PURPOSE = "elderly-care-visits"
SQL = "SELECT division_code, count(*) AS households FROM population.household GROUP BY division_code"


def save(page: Page, *, title: str, sql: str = SQL, purpose: str = PURPOSE) -> None:
    """Save a query as the form in the editor does, with the page's own key."""
    page.evaluate(
        """async (fields) => {
          const { provenFetch } = await import("/static/proof.js");
          const answer = await provenFetch("/-/saved", { method: "POST", body: new URLSearchParams(fields) });
          if (!(await answer.text()).includes("notice good")) throw new Error("not saved");
        }""",
        {"title": title, "sql": sql, "purpose": purpose, "case": ""},
    )


def item(page: Page, title: str):
    """Return the card of a saved query."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=title, exact=True))


def test_a_saved_query_is_run_renamed_opened_and_deleted(signed_in: SignIn) -> None:
    """From the list to the result in one click; then it has a last run, another name, and is gone."""
    page = signed_in("nanjing-east-road")
    save(page, title="各居委会户数")
    page.goto(page.url.replace("/overview", "/saved"))
    mine = item(page, "各居委会户数")
    expect(mine).to_contain_text("老年人关爱走访")
    expect(mine).to_contain_text("尚未从这里查过")
    mine.get_by_role("button", name="立即查询").click()
    page.wait_for_url("**/results/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("各居委会户数")
    expect(page.get_by_text("已完成").first).to_be_visible(timeout=60_000)
    page.get_by_label("保存为常用查询").fill("从结果页另存")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_text("已保存。以后在")).to_be_visible()

    page.get_by_role("navigation").get_by_role("link", name="常用查询").click()
    mine = item(page, "各居委会户数")
    expect(mine).not_to_contain_text("尚未从这里查过")
    expect(item(page, "从结果页另存")).to_contain_text("老年人关爱走访")
    mine.get_by_text("改名", exact=True).first.click()
    mine.get_by_label("新名称").fill("户数（按居委会）")
    mine.get_by_role("button", name="改名").click()
    expect(page.get_by_text("已改名为“户数（按居委会）”。")).to_be_visible()
    renamed = item(page, "户数（按居委会）")
    renamed.get_by_text("查询语句（SQL）").click()
    expect(renamed.locator("pre")).to_have_text(SQL)

    renamed.get_by_role("button", name="打开修改").click()
    page.wait_for_url("**/query")
    expect(page.get_by_text("count(*) AS households").or_(page.locator("textarea")).first).to_be_visible()
    page.go_back()

    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    item(page, "户数（按居委会）").get_by_role("button", name="删除").click()
    expect(item(page, "户数（按居委会）")).to_have_count(1)
    page.once("dialog", lambda dialog: dialog.accept())
    item(page, "户数（按居委会）").get_by_role("button", name="删除").click()
    expect(page.get_by_text("已删除。")).to_be_visible()
    expect(item(page, "户数（按居委会）")).to_have_count(0)
    assert "户数（按居委会）" in asked[0]


def test_nobody_sees_or_runs_anothers_saved_query(signed_in: SignIn) -> None:
    """Another office's clerk sees none of it, and a call with its id changes and tells nothing; the owner's own call works."""
    owner, other = signed_in("nanjing-east-road", language="en"), signed_in("changfeng", language="en")
    save(owner, title="Mine alone", sql="SELECT 'canary-5121' AS a FROM population.household")
    for page in (owner, other):
        page.goto(page.url.replace("/overview", "/saved"))
        page.wait_for_selector("main h1")
    id = item(owner, "Mine alone").get_attribute("data-saved")
    assert "Mine alone" not in other.content()

    def call(page: Page, action: str) -> dict[str, str | None]:
        return page.evaluate(
            """async (path) => {
              const { proof } = await import("/static/proof.js");
              const headers = { DPoP: await proof("POST", path) };
              const answer = await fetch(path, { method: "POST", headers, body: new URLSearchParams({ title: "taken" }) });
              return { lead: answer.headers.get("HX-Redirect"), text: await answer.text() };
            }""",
            f"/-/saved/{id}/{action}",
        )

    for action in ("open", "run", "rename", "delete"):
        answer = call(other, action)
        assert answer["lead"] is None
        assert "no such saved query" in str(answer["text"])
        assert "canary-5121" not in str(answer["text"])
    owner.reload()
    expect(item(owner, "Mine alone")).to_be_visible()
    assert call(owner, "open")["lead"] == "/query"  # the twin: the same call by its owner
    assert "Deleted" in str(call(owner, "delete")["text"])


def test_what_was_saved_is_shown_as_text(signed_in: SignIn) -> None:
    """Titles and statements that look like markup or scripts are shown, not run."""
    page = signed_in("nanjing-east-road")
    attack = "<img src=x onerror=alert(1)>\"'>{{7*7}}"
    save(page, title=attack, sql=f"SELECT 1 -- </pre><script>alert(2)</script>{attack}")
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.accept()))
    page.goto(page.url.replace("/overview", "/saved"))
    expect(item(page, attack)).to_be_visible()
    assert page.locator("main img, main script").count() == 0
    assert alerts == []
    item(page, attack).get_by_role("button", name="删除").click()
    expect(page.get_by_text("已删除。")).to_be_visible()
    assert len(alerts) == 1
    assert attack in alerts[0]
