"""The access log's own words, as people say them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog.dataset import Text


def _t(zh: str, en: str) -> Text:
    return Text(zh=zh, en=en)


KINDS: Mapping[str, Text] = {
    "intent": _t("查询（已批准）", "Query allowed"),
    "receipt": _t("交付回执", "Delivery receipt"),
    "denial": _t("拒绝", "Denial"),
    "failure": _t("未受理", "Refused call"),
    "audit_query": _t("审计查阅", "View of the log"),
    "governance": _t("授权与办理", "Governance"),
    "administration": _t("管理员代看", "Administrator's view"),
    "registration": _t("连接器登记", "Connector registration"),
    "policy_change": _t("策略更换", "Policy change"),
    "destruction": _t("销毁回执", "Destruction"),
    "opened": _t("日志启用", "Log opened"),
    "sealed": _t("日志封段", "Segment sealed"),
    "retention": _t("到期清理", "Retention"),
}
OUTCOMES: Mapping[str, Text] = {
    "delivered": _t("已交付", "Delivered"),
    "cancelled": _t("已取消", "Cancelled"),
    "failed": _t("失败", "Failed"),
    "revoked": _t("中途撤销", "Revoked on the way"),
    "unknown": _t("结局不明", "Not known"),
    "refused": _t("被拒绝", "Refused"),
}
ACTIONS: Mapping[str, Text] = {
    "search": _t("检索日志", "Search"),
    "summarise": _t("统计日志", "Counts"),
    "entry": _t("查看一条记录", "One entry"),
    "read_log": _t("下载日志以验证", "Log read for verification"),
    "checkpoint": _t("领取检查点", "Checkpoint"),
    "receipt": _t("领取回执", "Receipt"),
    "trace": _t("按水印追查副本", "Copy traced by its marks"),
    "replay": _t("重新判定", "Decided again"),
    "reconcile": _t("与部门日志核对", "Compared with departments' logs"),
    "report_subject": _t("谁查过此人", "Who looked at a person"),
    "reveal_subject": _t("查明标记所指何人", "Token revealed"),
    "agreement_sign": _t("签订共享协议", "Agreement signed"),
    "agreement_revoke": _t("撤销共享协议", "Agreement revoked"),
    "emergency_declare": _t("宣布应急状态", "Emergency declared"),
    "emergency_end": _t("结束应急状态", "Emergency ended"),
    "access_revoke": _t("停用权限", "Access revoked"),
    "access_restore": _t("恢复权限", "Access restored"),
    "consent_record": _t("登记本人同意", "Consent recorded"),
    "consent_withdraw": _t("撤回本人同意", "Consent withdrawn"),
    "need_file": _t("提出数据需求", "Need filed"),
    "need_accept": _t("受理数据需求", "Need accepted"),
    "need_refuse": _t("退回数据需求", "Need refused"),
    "need_withdraw": _t("撤回数据需求", "Need withdrawn"),
    "need_escalate": _t("数据需求超期升级", "Need escalated"),
    "correction_file": _t("提出更正", "Correction filed"),
    "correction_answer": _t("答复更正", "Correction answered"),
    "correction_reveal": _t("查看待更正记录", "Correction's record shown"),
    "correction_escalate": _t("更正超期升级", "Correction escalated"),
    "stop_begin": _t("停用数据", "Data stopped"),
    "stop_lift": _t("解除停用", "Stop lifted"),
    "lifted_stops": _t("查看停用清单", "List of stops"),
    "owed_destructions": _t("查看待销毁清单", "Destructions owed"),
    "explain": _t("代看查询说明", "Explained as somebody else"),
    "register": _t("登记", "Registered"),
    "heartbeat": _t("续约", "Lease renewed"),
    "approve": _t("批准", "Approved"),
    "suspend": _t("停用", "Suspended"),
    "resume": _t("恢复", "Resumed"),
    "withdraw": _t("注销", "Withdrawn"),
    "scan": _t("发现结构变动", "Drift found"),
}
TREATMENTS: Mapping[str, Text] = {
    "clear": _t("原样", "as it is"),
    "partial": _t("部分遮盖", "partly masked"),
    "generalise": _t("概化", "generalised"),
    "pseudonym": _t("化名", "pseudonym"),
    "null": _t("不给值", "no value"),
    "lookup": _t("仅比对", "compared only"),
    "deny": _t("不提供", "not given"),
}
MASKS: Mapping[str, Text] = {
    "name": _t("姓名", "name"),
    "resident_id": _t("身份号码", "resident ID"),
    "credit_code": _t("信用代码", "credit code"),
    "phone": _t("电话", "phone"),
    "address": _t("地址", "address"),
    "address_lane": _t("到弄", "to the lane"),
    "address_committee": _t("到居委", "to the committee"),
    "date_month": _t("到月", "to the month"),
    "date_year": _t("到年", "to the year"),
    "age_band": _t("五岁一档", "five-year band"),
    "bucket": _t("分档", "bucket"),
    "division_township": _t("到街镇", "to the township"),
}
USES: Mapping[str, Text] = {
    "selected": _t("输出", "selected"),
    "filtered": _t("筛选", "filtered"),
    "joined": _t("连接", "joined"),
    "grouped": _t("分组", "grouped"),
    "ordered": _t("排序", "ordered"),
    "aggregated": _t("统计", "aggregated"),
    "counted": _t("计数", "counted"),
    "summed": _t("求和", "summed"),
    "looked_up": _t("指名", "looked up"),
}
ROLES: Mapping[str, Text] = {
    "clerk": _t("经办人", "clerk"),
    "steward": _t("数据专员", "steward"),
    "analyst": _t("统计分析", "analyst"),
    "auditor": _t("审计", "auditor"),
    "administrator": _t("管理员", "administrator"),
    "connector": _t("连接器", "connector"),
}
CHANNELS: Mapping[str, Text] = {
    "flight_sql": _t("数据接口", "data interface"),
    "subscription": _t("订阅", "subscription"),
    "governance": _t("办理接口", "governance interface"),
}
RULES: Mapping[str, Text] = {
    "agreement": _t("共享协议", "agreement"),
    "clearance": _t("权限级别", "clearance"),
    "consent": _t("本人同意", "consent"),
    "emergency": _t("应急状态", "emergency"),
    "jurisdiction": _t("辖区", "jurisdiction"),
    "minimisation": _t("最小必要", "minimisation"),
    "obligations": _t("义务", "obligations"),
    "purpose": _t("用途", "purpose"),
    "quota": _t("限额", "quota"),
    "request": _t("请求", "request"),
    "statistics": _t("统计保护", "statistics"),
    "stop": _t("停用", "stop"),
}
FIELDS: Mapping[str, Text] = {
    "action": _t("动作", "Action"),
    "target": _t("对象", "About"),
    "reason": _t("理由", "Reason"),
    "state": _t("状态", "State"),
    "department": _t("部门", "Department"),
    "connector": _t("连接器", "Connector"),
    "instances": _t("运行实例", "Instances"),
    "drifts": _t("结构变动", "Drifts"),
    "endpoint": _t("地址", "Address"),
    "filters": _t("所问", "Asked for"),
    "facts": _t("内容", "Content"),
    "seen_as": _t("以谁的身份", "Seen as"),
    "method": _t("方式", "How"),
    "emergency": _t("应急状态", "Emergency"),
    "unknown_names": _t("目录中没有的名称", "Names that the catalogue does not have"),
    "entries": _t("已有条目", "Entries"),
    "open_intents": _t("无回执的查询", "Queries without a receipt"),
    "root": _t("树根", "Root"),
    "torn_bytes": _t("截去的未完成字节", "Unfinished bytes cut off"),
    "segment": _t("日志段", "Segment"),
    "first": _t("首条", "First entry"),
    "last": _t("末条", "Last entry"),
    "parquet_sha256": _t("索引文件 SHA-256", "SHA-256 of the index file"),
    "revision": _t("版本", "Revision"),
    "sequence": _t("次序", "Sequence"),
    "outcome": _t("结果", "Outcome"),
    "expires_at": _t("保存至", "To be kept until"),
}
_OF_FIELD = {"action": ACTIONS, "outcome": OUTCOMES}


def in_words(known: Mapping[str, Text], value: str | None) -> Text:
    """Return the words for a value; the value itself when nobody has words for it."""
    return known.get(value or "") or Text(zh=value or "—", en=value or "—")


def field_words(name: str) -> Text:
    """Return the words for a member of an entry."""
    return in_words(FIELDS, name)


def value_words(name: str, value: str) -> Text:
    """Return the words for the value of a member of an entry."""
    return in_words(_OF_FIELD.get(name, {}), value)


def treatment_words(action: str, mask: str | None) -> Text:
    """Return how a column was treated."""
    treated = in_words(TREATMENTS, action)
    if not mask:
        return treated
    kind = in_words(MASKS, mask)
    return Text(zh=f"{treated.zh}（{kind.zh}）", en=f"{treated.en} ({kind.en})")


def condition_words(condition: Mapping[str, Any] | None) -> Text:
    """Return a row filter in words; it holds divisions and codes of the catalogue, never a person."""
    if not condition:
        return Text(zh="不限", en="all rows")
    parts = condition.get("operands")
    if isinstance(parts, list) and parts:
        texts = [condition_words(part) for part in parts]
        either = condition.get("op") == "or"
        return Text(
            zh=("或" if either else "，且").join(text.zh for text in texts),
            en=(" or " if either else " and ").join(text.en for text in texts),
        )
    column, values = condition.get("column"), condition.get("values")
    if column is None or not isinstance(values, list):
        plain = json.dumps(condition, ensure_ascii=False, sort_keys=True)
        return Text(zh=plain, en=plain)
    named = "、".join(map(str, values)), ", ".join(map(str, values))
    said = {"prefix": ("以 {} 开头", "begins with {}"), "in": ("为 {}", "is {}"), "eq": ("为 {}", "is {}")}
    zh, en = said.get(str(condition.get("op")), (f"{condition.get('op')} {{}}", f"{condition.get('op')} {{}}"))
    return Text(zh=f"{column} {zh.format(named[0])}", en=f"{column} {en.format(named[1])}")
