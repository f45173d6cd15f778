"""The auditor's story: search, narrow, one entry with its proof, who looked at a person, the whole log verified, export."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import openpyxl
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from connectors.sdk.tlog.entry import decode_entry
from gateway.client import Profile, RequestError, connect
from gateway.doors.cli.local_city import free_port
from gateway.doors.console.settings import ConsoleSettings
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc
from tests.browser.conftest import ServedConsole, SignIn, served

CHECK, CASE = "social-assistance-check", "SA-2026-770077"
SECONDS = 120_000


@dataclass(frozen=True)
class Traffic:
    """What happened before the auditor came."""

    key: Path
    person: str
    """Resident ID of somebody whom two clerks looked up."""
    delivery: str
    """Intent of a delivery that named that person."""
    denial: str
    denied_purpose: str


def entries(profiles: Path, **filters: object) -> list:
    with connect(profiles / "auditor.json") as connection:
        stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
        found = stub.SearchEntries(audit_pb2.SearchEntriesRequest(**filters), metadata=connection.headers())
        return [decode_entry(one.leaf) for one in found]


@pytest.fixture(scope="module")
def traffic(profiles: Path) -> Traffic:
    residents = pq.read_table(
        profiles.parent / "city" / "population.resident.parquet", columns=["resident_id", "residence_division"]
    ).to_pylist()
    person = min(one["resident_id"] for one in residents if one["residence_division"].startswith("310101002"))
    look_up = f"SELECT name, birth_date FROM population.resident WHERE resident_id = '{person}'"
    delivery = ""
    for who in ("nanjing-east-road", "changfeng"):
        with connect(profiles / f"{who}.json") as connection:
            result = connection.query(look_up, purpose=CHECK, case=CASE)
            result.to_arrow()
            delivery = delivery or result.entry
            with suppress(RequestError):
                connection.query(look_up, purpose="fire-safety-inspection").to_arrow()
    denial = entries(profiles, kind="denial", requester="nanjing-east-road", entries_max=1)[-1]
    return Traffic(
        key=profiles.parent / "keys" / "audit-verification-key.txt",
        person=person,
        delivery=delivery,
        denial=denial.entry_id,
        denied_purpose="fire-safety-inspection",
    )


WORDS = {
    "zh": {
        "search": "检索",
        "denials": re.compile("^拒绝"),
        "narrowed": re.compile("取消限定 类别 拒绝"),
        "why": "拒绝的原因与依据",
        "basis": "依据",
        "proof": "证明：这条记录在日志里",
        "unchecked": "未核对",
        "key": "日志验证公钥文件",
        "use": "使用此公钥",
        "passed": "✓ 通过",
        "failed": "✗ 不通过",
        "number": "号码",
        "ask": "查询",
        "looked_up": "指名查询",
        "verify": "开始验证",
        "again": "再次验证",
        "intact": "日志完整",
        "recorded": "本次操作已记入日志",
        "accesses": re.compile(r"共 \d+ 次访问"),
        "kind_column": "类别",
        "grown": "日志只增不改",
    },
    "en": {
        "search": "Search",
        "denials": re.compile("^Denial"),
        "narrowed": re.compile("Remove Kind Denial"),
        "why": "Why it was denied",
        "basis": "Legal basis",
        "proof": "Proof: this entry is in the log",
        "unchecked": "Not checked",
        "key": "File of the log's verification key",
        "use": "Use this key",
        "passed": "✓ Passed",
        "failed": "✗ Failed",
        "number": "Number",
        "ask": "Ask",
        "looked_up": "Looked up",
        "verify": "Verify now",
        "again": "Verify again",
        "intact": "The log is intact",
        "recorded": "This view is in the log",
        "accesses": re.compile(r"\d+ accesses"),
        "kind_column": "kind",
        "grown": "The log has only grown",
    },
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_auditor_follows_a_denial_to_its_proof(
    signed_in: SignIn, console: ServedConsole, traffic: Traffic, language: str, tmp_path: Path
) -> None:
    """Search, a click on a facet, the entry in words, its proof with the auditor's own key, the person, the log, a file."""
    words = WORDS[language]
    page = signed_in("auditor", path="/log", language=language)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.locator("#entries")).to_be_visible()
    expect(page.locator("#log")).to_contain_text(words["recorded"])
    page.locator(".facets").get_by_role("button", name=words["denials"]).click()
    expect(page.get_by_role("button", name=words["narrowed"])).to_be_visible()
    page.locator("details.why summary").click()
    page.locator(f'#entries a[href="/log/{traffic.denial}"]').click()

    expect(page.get_by_role("heading", name=words["why"])).to_be_visible()
    expect(page.locator(".reasons").first).to_contain_text(words["basis"])
    expect(page.get_by_role("heading", name=words["proof"])).to_contain_text(words["unchecked"])
    page.get_by_label(words["key"]).set_input_files(traffic.key)
    page.get_by_role("button", name=words["use"]).click()
    expect(page.get_by_role("heading", name=words["proof"])).to_contain_text(words["passed"])

    page.goto(f"{console.url}/subject")
    page.get_by_label(words["number"], exact=True).fill(traffic.person)
    page.locator("#value").press("Enter")
    expect(page.locator("#report").get_by_role("heading", name=words["accesses"])).to_be_visible(timeout=SECONDS)
    expect(page.locator("#report table")).to_contain_text(words["looked_up"])
    assert traffic.person not in page.locator("#report").inner_text()

    page.goto(f"{console.url}/verify")
    page.get_by_role("button", name=words["verify"]).click()
    expect(page.locator("#progress .proof")).to_contain_text(words["intact"], timeout=SECONDS)
    expect(page.locator("#progress h3")).to_contain_text(words["passed"])
    page.get_by_role("button", name=words["again"]).click()
    expect(page.locator("#progress .proof")).to_contain_text(words["grown"], timeout=SECONDS)

    page.goto(f"{console.url}/log?kind=denial")
    expect(page.locator("#entries")).to_be_visible()
    with page.expect_download() as waited:
        page.get_by_role("button", name="XLSX").click()
    file = tmp_path / waited.value.suggested_filename
    waited.value.save_as(file)
    sheet = next(sheet for sheet in openpyxl.load_workbook(file) if "data" in sheet.title)
    heads, *rows = sheet.iter_rows(values_only=True)
    assert words["kind_column"] in heads
    assert any(traffic.denial in row for row in rows)
    assert not [url for url in asked if traffic.person in url]


def test_an_entry_names_things_by_their_titles(signed_in: SignIn, traffic: Traffic) -> None:
    """Also when nothing was searched before, and of purposes that auditors may not use."""
    page = signed_in("auditor", path=f"/log/{traffic.denial}")
    for title in ("南京东路街道", "消防安全检查", "实有人口基本信息"):
        expect(page.locator("main")).to_contain_text(title)


def test_what_an_auditor_asks_is_recorded(
    signed_in: SignIn, console: ServedConsole, profiles: Path, traffic: Traffic
) -> None:
    """Every page's question leaves an entry, and says so."""
    before = entries(profiles, entries_max=1)[-1].sequence
    page = signed_in("auditor", path=f"/log/{traffic.delivery}")
    give_key(page, traffic.key, back="entry")
    with page.expect_download() as waited:
        page.get_by_role("button", name="下载证据").click()
    assert '"inclusion' not in Path(waited.value.path()).read_text("utf-8")
    page.goto(f"{console.url}/log")
    expect(page.locator("#entries")).to_be_visible()
    page.goto(f"{console.url}/verify")
    page.get_by_role("button", name="开始验证").click()
    expect(page.locator("#progress .proof")).to_be_visible(timeout=SECONDS)
    page.goto(f"{console.url}/review")
    page.get_by_role("button", name="重新判定").click()
    expect(page.locator("#replayed .proof")).to_contain_text("通过", timeout=SECONDS)
    expect(page.locator("#replayed")).to_contain_text("完全相同")
    page.get_by_role("button", name="与部门核对").click()
    expect(page.locator("#reconciled .proof")).to_be_visible(timeout=SECONDS)
    page.goto(f"{console.url}/anomalies")
    expect(page.locator("#report-denials table").first).to_be_visible(timeout=SECONDS)
    expect(page.locator("#report-people")).to_be_visible()
    for name in ("hours", "night", "volume", "outside", "people"):
        expect(page.locator(f"#report-{name} [role=status]")).to_have_count(0, timeout=SECONDS)
    looked = [entry for entry in entries(profiles, requester="auditor") if entry.sequence > before]
    actions = {entry.body.get("action") for entry in looked if entry.kind == "audit_query"}
    assert {"search", "summarise", "entry", "read_log", "checkpoint", "replay", "reconcile"} <= actions
    assert {entry.body["purpose"] for entry in looked if entry.kind == "intent"} == {"audit-supervision"}


def test_a_token_is_revealed_with_a_reason_only(
    signed_in: SignIn, console: ServedConsole, profiles: Path, traffic: Traffic
) -> None:
    """Who stands behind a token is told once the reason is recorded; a reason that names somebody is refused in words."""
    token = next(
        token
        for entry in entries(profiles, kind="intent")
        if entry.entry_id == traffic.delivery
        for dataset in entry.body["datasets"]
        for token in dataset["people"]
    )
    page = signed_in("auditor", path="/subject")
    page.get_by_label("人员标记").fill(token)
    page.get_by_label("理由").fill(f"投诉人 {traffic.person}")
    page.get_by_role("button", name="记入日志并查明").click()
    expect(page.locator("#revealed")).to_contain_text("理由中似有证件、电话或信用代码等号码")
    page.get_by_label("理由").fill("投诉 2026-114")
    page.get_by_role("button", name="记入日志并查明").click()
    expect(page.locator("#revealed")).to_contain_text(traffic.person)
    (revealed,) = [
        entry for entry in entries(profiles, kind="audit_query", person="") if entry.body["action"] == "reveal_subject"
    ][-1:]
    assert revealed.body["filters"] == {"person": token, "reason": "投诉 2026-114"}
    page.goto(f"{console.url}/subject")
    page.get_by_label("号码", exact=True).fill(traffic.person)
    page.get_by_label(re.compile("供本人查阅的版本")).check()
    page.get_by_role("button", name="查询", exact=True).click()
    expect(page.locator("#report")).to_contain_text("供本人查阅", timeout=SECONDS)
    expect(page.locator("#report")).not_to_contain_text("nanjing-east-road")


PATHS = ("/log", "/log/{entry}", "/anomalies", "/subject", "/verify", "/review")


def test_clerks_get_the_gateways_denial(signed_in: SignIn, console: ServedConsole, traffic: Traffic) -> None:
    """Who is no auditor reads why, whatever page or button it is; the gateway said no, not the navigation."""
    page = signed_in("nanjing-east-road", path="/log")
    expect(page.locator("main .failure")).to_contain_text("您的角色不能执行此操作")
    expect(page.get_by_role("link", name="访问日志")).to_have_count(0)
    page.goto(f"{console.url}/log/{traffic.delivery}")
    expect(page.locator("main .failure")).to_contain_text("您的角色不能执行此操作")
    page.goto(f"{console.url}/subject")
    page.get_by_label("号码", exact=True).fill(traffic.person)
    page.get_by_role("button", name="查询", exact=True).click()
    expect(page.locator("#report .failure")).to_contain_text("您的角色不能执行此操作")
    page.goto(f"{console.url}/review")
    page.get_by_role("button", name="与部门核对").click()
    expect(page.locator("#reconciled .failure")).to_contain_text("您的角色不能执行此操作")
    page.goto(f"{console.url}/verify")
    give_key(page, traffic.key)
    page.get_by_role("button", name="开始验证").click()
    expect(page.locator("#progress .failure")).to_contain_text("您的角色不能执行此操作")
    page.goto(f"{console.url}/anomalies")
    expect(page.locator("#report-denials .failure")).to_be_visible()


def give_key(page: Page, key: Path, *, back: str = "") -> None:
    page.get_by_label("日志验证公钥文件").set_input_files(key)
    page.get_by_role("button", name="使用此公钥").click()
    if back:
        expect(page.locator("#proof-title")).to_contain_text("通过")
    else:
        expect(page.get_by_role("heading", name="整体验证")).to_be_visible()


class Interfering(grpc.GenericRpcHandler):
    """Passes every call on to the gateway, byte for byte, but for what `change` makes of the answers of one method."""

    def __init__(self, target: str, *, method: str, change: Callable[[bytes], bytes]) -> None:
        self._channel = grpc.insecure_channel(target)
        self._method = method
        self._change = change

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        method, metadata = details.method, details.invocation_metadata
        call = self._channel.stream_stream(method)

        def answer(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            sent = [(key, value) for key, value in metadata if not key.startswith(("grpc-", "user-agent", ":"))]
            answers = call(requests, metadata=sent)
            try:
                for message in answers:
                    yield self._change(message) if method.endswith(self._method) else message
            except grpc.RpcError as error:
                context.set_trailing_metadata(error.trailing_metadata())
                context.abort(error.code(), error.details())

        return grpc.stream_stream_rpc_method_handler(answer)


@pytest.fixture
def interfered(profiles: Path, tmp_path: Path) -> Iterator[Callable[[str, Callable[[bytes], bytes]], ServedConsole]]:
    """Return a function that serves a console whose gateway's answers are changed on the way."""
    stops: list[Callable[[], object]] = []

    def serve(method: str, change: Callable[[bytes], bytes]) -> ServedConsole:
        target = Profile.load(profiles / "auditor.json").endpoint.partition("://")[2]
        server = grpc.server(futures.ThreadPoolExecutor(8))
        server.add_generic_rpc_handlers((Interfering(target, method=method, change=change),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        settings = ConsoleSettings(
            listen=f"127.0.0.1:{free_port()}", gateway=f"grpc://127.0.0.1:{port}", directory=tmp_path / "console"
        )
        serving = served(settings)
        url = serving.__enter__()
        stops.extend((serving.__exit__, lambda: server.stop(None)))
        return ServedConsole(url=url, profiles=profiles)

    yield serve
    for stop in stops:
        stop()


def test_a_changed_entry_does_not_pass(
    interfered: Callable[[str, Callable[[bytes], bytes]], ServedConsole], signed_in: SignIn, traffic: Traffic
) -> None:
    """One byte of an entry, changed between gateway and console, and its proof fails in words."""

    def other_office(message: bytes) -> bytes:
        changed = message.replace(b'"office":"310101002"', b'"office":"310101003"', 1)
        assert changed != message
        return changed

    console = interfered("GetEntry", other_office)
    page = signed_in("auditor", console=console)
    page.goto(f"{console.url}/log/{traffic.delivery}")
    page.get_by_label("日志验证公钥文件").set_input_files(traffic.key)
    page.get_by_role("button", name="使用此公钥").click()
    expect(page.locator("#proof-title")).to_contain_text("✗ 不通过")
    expect(page.locator(".proof [role=alert]")).to_contain_text("这条记录或证明被改动过".replace("这条", ""))
    page.context.close()


def test_a_changed_log_does_not_pass(
    interfered: Callable[[str, Callable[[bytes], bytes]], ServedConsole], signed_in: SignIn, traffic: Traffic
) -> None:
    """One byte of the whole log, and the page says which entry, and what to do next."""
    once = threading.Event()

    def other_reason(message: bytes) -> bytes:
        changed = message.replace(b'"office":"310101002"', b'"office":"310101003"', 1)
        if once.is_set() or changed == message:
            return message
        once.set()
        return changed

    console = interfered("ReadLog", other_reason)
    page = signed_in("auditor", console=console)
    page.goto(f"{console.url}/verify")
    give_key(page, traffic.key)
    page.get_by_role("button", name="开始验证").click()
    expect(page.locator("#progress h3")).to_contain_text("✗ 不通过", timeout=SECONDS)
    expect(page.locator("#progress .proof")).to_contain_text(re.compile(r"第 \d+ 条.*该记录写入后被改动"))
    expect(page.locator("#progress .proof")).to_contain_text("请与备份比对")
    once.set()
    page.get_by_role("button", name="再次验证").click()
    expect(page.locator("#progress h3")).to_contain_text("✓ 通过", timeout=SECONDS)
    page.context.close()


def test_another_logs_key_does_not_pass(signed_in: SignIn, traffic: Traffic, tmp_path: Path) -> None:
    """A key of another log, and a file that is no key, are told apart."""
    page = signed_in("auditor", path="/verify")
    nonsense = tmp_path / "key.txt"
    nonsense.write_text("not a key\n", "utf-8")
    page.get_by_label("日志验证公钥文件").set_input_files(nonsense)
    page.get_by_role("button", name="使用此公钥").click()
    expect(page.locator("#key [role=alert]")).to_contain_text("这不是日志验证公钥文件")
    other = tmp_path / "other.txt"
    other.write_text(f"{other_key()}\n", "utf-8")
    give_key(page, other)
    page.get_by_role("button", name="开始验证").click()
    expect(page.locator("#progress h3")).to_contain_text("✗ 不通过", timeout=SECONDS)
    expect(page.locator("#progress .proof")).to_contain_text("请先核对公钥")


def other_key() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from connectors.sdk.tlog.note import VerificationKey

    return VerificationKey(name="sharing-gateway/audit", key=Ed25519PrivateKey.generate().public_key()).to_text()
