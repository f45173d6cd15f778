"""Why a query was denied or not served, in a few words for tables and charts; the full text stands with the entry."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.dataset import Text


def _t(zh: str, en: str) -> Text:
    return Text(zh=zh, en=en)


REASONS: Mapping[str, Text] = {
    # of the policy
    "AGREEMENT_MISSING": _t("没有共享协议", "no agreement"),
    "AGREEMENT_STOPPED": _t("协议已停用", "agreement stopped"),
    "CASE_INVALID": _t("事项编号格式不对", "malformed case number"),
    "CASE_NOT_OPEN": _t("没有在办事项", "case not open"),
    "CASE_REQUIRED": _t("未填事项编号", "no case number"),
    "CHANNEL_CEILING": _t("渠道不许传送该级别", "grade above the channel's"),
    "CLEARANCE_TOO_LOW": _t("权限级别不够", "clearance too low"),
    "COLUMN_STOPPED": _t("列已停用", "column stopped"),
    "COMBINATION_FORBIDDEN": _t("不得汇集的信息", "forbidden combination"),
    "CONSENT_MISSING": _t("没有本人同意", "no consent"),
    "DATASET_STOPPED": _t("数据集已停用", "dataset stopped"),
    "EMERGENCY_NOT_DECLARED": _t("未宣布应急状态", "no emergency declared"),
    "INPUT_INVALID": _t("查询不完整", "incomplete query"),
    "JURISDICTION_UNKNOWN": _t("辖区无法确定", "jurisdiction unknown"),
    "LOOKUP_ONLY": _t("只能按键值查询", "look-ups only"),
    "LOOKUP_TOO_MANY": _t("一次查询人数过多", "too many look-ups"),
    "NOT_AVAILABLE": _t("该用途不提供", "not available for the purpose"),
    "OBLIGATIONS_UNKNOWN": _t("义务登记不完整", "obligations unknown"),
    "OFFICE_NOT_ENTITLED": _t("单位类别不符", "office not entitled"),
    "OFFICE_STOPPED": _t("部门已停止向该单位提供", "office stopped"),
    "PURPOSE_MISSING": _t("未申明用途", "no purpose"),
    "PURPOSE_NOT_ACTIVE": _t("用途未生效或已终止", "purpose not active"),
    "PURPOSE_REVOKED": _t("用途已撤销", "purpose revoked"),
    "PURPOSE_UNKNOWN": _t("用途未登记", "purpose unknown"),
    "QUOTA_EXCEEDED": _t("超出当日限额", "quota exceeded"),
    "REQUESTER_INCOMPLETE": _t("目录中请求人信息有误", "requester incomplete"),
    "REQUESTER_REVOKED": _t("权限已停用", "access revoked"),
    "ROLE_NOT_ENTITLED": _t("角色不能申明该用途", "role not entitled"),
    "STATISTICS_ONLY": _t("只提供统计结果", "statistics only"),
    # of the gateway
    "ACCESS_REVOKED": _t("授权中途失效", "revoked on the way"),
    "AUDIT_UNAVAILABLE": _t("日志不可写", "log unavailable"),
    "BUSY": _t("网关繁忙", "gateway busy"),
    "CASE_REGISTER_UNAVAILABLE": _t("无法核对事项", "case register unavailable"),
    "CONNECTOR_DRIFTED": _t("数据结构已变", "connector drifted"),
    "CONNECTOR_REFUSED": _t("部门拒绝扫描", "department refused"),
    "CONNECTOR_SLOW": _t("部门超时", "department too slow"),
    "CONNECTOR_SUSPENDED": _t("部门已停用", "connector suspended"),
    "CONNECTOR_UNAVAILABLE": _t("部门不可用", "department unavailable"),
    "CONNECTOR_UNTRUSTWORTHY": _t("部门数据与授权不符", "department's data not as granted"),
    "DEPARTMENT_LOG_INVALID": _t("部门日志无效", "department's log invalid"),
    "DEPARTMENT_LOG_TOO_LARGE": _t("部门日志过大", "department's log too large"),
    "ENGINE_LOST": _t("执行进程意外结束", "engine lost"),
    "ENGINE_MEMORY": _t("超出内存", "out of memory"),
    "ENGINE_TIME": _t("执行超时", "out of time"),
    "ENTRY_UNKNOWN": _t("没有该条目", "no such entry"),
    "GOVERNANCE_REFUSED": _t("办理被拒", "governance refused"),
    "GROUPING_INVALID": _t("分组无效", "invalid grouping"),
    "INTERNAL": _t("内部错误", "internal error"),
    "MARKS_INVALID": _t("水印样本无效", "invalid marks"),
    "NOT_IMPLEMENTED": _t("不支持的操作", "not supported"),
    "OFFICE_UNKNOWN": _t("没有该单位", "office unknown"),
    "PARAMETERS_INVALID": _t("参数不符", "invalid parameters"),
    "PARTIAL_REFUSED": _t("统计不得部分提供", "no partial statistics"),
    "PERIOD_INVALID": _t("时段无效", "invalid period"),
    "POLICY_DENIED": _t("策略拒绝", "policy denied"),
    "POLICY_MALFORMED": _t("策略回答不合规范", "policy's answer malformed"),
    "POLICY_SLOW": _t("策略引擎超时", "policy too slow"),
    "POLICY_UNAVAILABLE": _t("策略引擎不可用", "policy unavailable"),
    "POLICY_UNDEFINED": _t("策略没有决定", "policy undecided"),
    "QUERY_AMBIGUOUS": _t("列名不明确", "ambiguous name"),
    "QUERY_CANCELLED": _t("请求人取消", "cancelled"),
    "QUERY_FAILED": _t("语句执行失败", "statement failed"),
    "QUERY_NOT_READ_ONLY": _t("不是只读语句", "not read-only"),
    "QUERY_NOT_SUPPORTED": _t("不支持的语句", "not supported"),
    "QUERY_SYNTAX": _t("语句有误", "syntax error"),
    "QUERY_TOO_COMPLEX": _t("语句过于复杂", "too complex"),
    "RECEIPT_UNKNOWN": _t("没有该回执", "no such receipt"),
    "REGISTRATION_REFUSED": _t("登记被拒", "registration refused"),
    "REGISTRY_UNAVAILABLE": _t("登记库不可用", "registry unavailable"),
    "REQUESTER_UNKNOWN": _t("目录中没有此人", "requester unknown"),
    "RESULT_TOO_LARGE": _t("结果行数过多", "result too large"),
    "REVEAL_REASON_MISSING": _t("未说明查明理由", "no reason to reveal"),
    "REVEAL_REASON_NAMES_SOMEBODY": _t("理由中含号码", "reason names somebody"),
    "ROLE_MISSING": _t("角色不符", "role missing"),
    "RUN_LOST": _t("该期结果已失", "run lost"),
    "RUN_TOO_LARGE": _t("一期结果过大", "run too large"),
    "SPOOL_FULL": _t("暂存空间已满", "spool full"),
    "STATISTICS_DIFFERENCING": _t("可与先前统计相减", "statistics could be subtracted"),
    "SUBJECT_INVALID": _t("不是有效标识", "invalid identifier"),
    "SUBSCRIPTION_KEY_INVALID": _t("订阅键列无效", "subscription's key invalid"),
    "SUBSCRIPTION_LOST": _t("订阅无法解密", "subscription lost"),
    "TICKET_INVALID": _t("票据无效", "invalid ticket"),
    "TOKEN_INVALID": _t("令牌无效", "invalid token"),
    "TOKEN_MISSING": _t("没有令牌", "no token"),
}
SEPARATOR = ", "
"""Between the codes of one denial."""


def reason_words(codes: str | None) -> Text:
    """Return the words for one code, or for several that are separated by commas."""
    known = [REASONS.get(code, Text(zh=code, en=code)) for code in (codes or "").split(SEPARATOR) if code]
    return Text(zh="、".join(text.zh for text in known) or "—", en=", ".join(text.en for text in known) or "—")
