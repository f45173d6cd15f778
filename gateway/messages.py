"""The one catalogue of texts the gateway itself shows; policy texts come with the decision."""

from __future__ import annotations

from catalog.dataset import Text
from gateway.reasons import Reason

__all__ = ["MESSAGES", "Reason", "message", "remedy"]


def _t(zh: str, en: str) -> Text:
    return Text(zh=zh, en=en)


MESSAGES: dict[Reason, tuple[Text, Text]] = {
    Reason.TOKEN_MISSING: (
        _t("请求没有携带令牌。", "The call carries no token."),
        _t(
            "请在 authorization 头中发送“Bearer 令牌”，或使用配置文件（--profile）。",
            "Send 'authorization: Bearer <token>' or use a profile file (--profile).",
        ),
    ),
    Reason.TOKEN_INVALID: (
        _t("令牌无效或已过期。", "The token is invalid or has expired."),
        _t("请向管理员申请新的令牌。", "Ask the administrator for a new token."),
    ),
    Reason.REQUESTER_UNKNOWN: (
        _t(
            "目录中没有该请求人，或其权限已停用。",
            "The directory does not know this requester, or the requester is disabled.",
        ),
        _t("请联系本单位管理员登记。", "Ask your office's administrator to register you."),
    ),
    Reason.OFFICE_UNKNOWN: (
        _t("目录中没有“{detail}”的请求人。", "The directory has no requester of '{detail}'."),
        _t("请核对单位代码与角色。", "Check the office and the role."),
    ),
    Reason.ROLE_MISSING: (
        _t("您的角色不能执行此操作。", "Your role may not do this."),
        _t("请使用具备相应角色的账号。", "Use an account that has the role."),
    ),
    Reason.REQUESTER_REVOKED: (
        _t("您的访问权限已被撤销。", "Your access has been revoked."),
        _t("请联系网关管理员。", "Ask the gateway's administrator."),
    ),
    Reason.QUERY_SYNTAX: (
        _t("无法解析该 SQL 语句：{detail}。", "The SQL cannot be parsed: {detail}."),
        _t("请检查语句的拼写。", "Check the spelling of the statement."),
    ),
    Reason.QUERY_NOT_READ_ONLY: (
        _t("只允许一条只读的 SELECT 语句。", "Only one read-only SELECT statement is allowed."),
        _t("请改写为一条 SELECT 语句。", "Rewrite it as one SELECT statement."),
    ),
    Reason.QUERY_NOT_SUPPORTED: (
        _t("语句中有不支持的内容：{detail}。", "The statement uses something that is not supported: {detail}."),
        _t("请查阅文档中支持的 SQL 范围。", "See the supported SQL in the documentation."),
    ),
    Reason.QUERY_TOO_COMPLEX: (
        _t("语句过长或过于复杂：{detail}。", "The statement is too long or too complex: {detail}."),
        _t("请拆分或简化语句。", "Split or simplify the statement."),
    ),
    Reason.QUERY_AMBIGUOUS: (
        _t("列名“{detail}”不明确。", "The column name '{detail}' is ambiguous."),
        _t("请在列名前加上表的别名。", "Put the table's alias before the column name."),
    ),
    Reason.QUERY_FAILED: (
        _t("语句在已授权的数据上执行失败：{detail}。", "The statement failed on the released data: {detail}."),
        _t("请检查类型转换、除数与函数参数。", "Check casts, divisors and function arguments."),
    ),
    Reason.QUERY_CANCELLED: (
        _t("查询已被请求人取消。", "The query was cancelled by the requester."),
        _t("如仍需要，请重新提交查询。", "Submit the query again if you still need it."),
    ),
    Reason.PARAMETERS_INVALID: (
        _t("参数与语句不符：{detail}。", "The parameters do not fit the statement: {detail}."),
        _t(
            "请为每个“?”绑定一个值（一行），只用文本、数字、布尔、日期或时间。",
            "Bind one row with one value for each '?': text, numbers, booleans, dates or timestamps.",
        ),
    ),
    Reason.POLICY_DENIED: (
        _t("策略拒绝了该查询。", "The policy denied the query."),
        _t("请查看每条拒绝原因的补救办法。", "See the remedy of each reason."),
    ),
    Reason.ACCESS_REVOKED: (
        _t(
            "该查询所依据的授权已被撤销、到期或更改，传输已停止。",
            "What this query was allowed on was revoked, ended or changed; the delivery was stopped.",
        ),
        _t(
            "请销毁已收到的不完整数据；目录（“用途”和“数据集”页）列有现在可以查询的内容。",
            "Destroy the incomplete data you received; the catalogue (Purposes and Datasets) shows what you may ask now.",
        ),
    ),
    Reason.QUOTA_EXCEEDED: (
        _t("已达到该用途今天的限额。", "Today's quota of this purpose is used up."),
        _t(
            "请明天再试，或与提供部门商定更高的限额。",
            "Try again tomorrow, or agree a higher quota with the controller.",
        ),
    ),
    Reason.STATISTICS_DIFFERENCING: (
        _t(
            "与本单位先前的统计结果相减，可能推断出少数几个人的情况。",
            "Subtracted from an earlier statistic of your office, this one could reveal a few people.",
        ),
        _t(
            "请使用与先前相同的分组和条件，或使用更粗的分组。",
            "Use the same groups and conditions as before, or coarser groups.",
        ),
    ),
    Reason.GOVERNANCE_REFUSED: (
        _t("拒绝该操作：{detail}。", "The change is refused: {detail}."),
        _t("请更正后重试。", "Correct it and try again."),
    ),
    Reason.SUBSCRIPTION_KEY_INVALID: (
        _t("不能按所给的键列比对各期结果：{detail}。", "Runs cannot be compared by the key columns: {detail}."),
        _t(
            "键列须在结果中、不为空、不重复，且查询不得使用化名；或不给键列，每期接收全部数据。",
            "Key columns stand in the result, are never null and never repeat, in a query without pseudonyms; "
            "or give none and receive the whole dataset each time.",
        ),
    ),
    Reason.SUBSCRIPTION_LOST: (
        _t(
            "订阅的查询已无法解密：网关密钥已更换。",
            "The subscription's query can no longer be decrypted: the gateway's secret is another one now.",
        ),
        _t("请停止该订阅并重新创建。", "Stop the subscription and create it anew."),
    ),
    Reason.RUN_LOST: (
        _t("该期结果不在本网关，或已损坏。", "The result of this run is not on this gateway, or is damaged."),
        _t("请等待下一期。", "Wait for the next run."),
    ),
    Reason.RUN_TOO_LARGE: (
        _t("一期结果超过订阅的上限 {detail}。", "A run exceeds what a subscription may hold: {detail}."),
        _t(
            "请停止该订阅，增加筛选条件后重新创建，或改用查询。",
            "Stop the subscription and create it anew with filters, or ask by a query.",
        ),
    ),
    Reason.SPOOL_FULL: (
        _t("网关没有空间暂存一期结果。", "The gateway has no room for the result of a run."),
        _t("下期自动重试；请通知网关管理员。", "It is tried again at the next time; tell the gateway's administrator."),
    ),
    Reason.SUBJECT_INVALID: (
        _t(
            "不是本网关能识别的个人或单位标识。",
            "This is no identifier or token of a person or entity that this gateway knows.",
        ),
        _t(
            "请核对标识类型（如 resident_id）与标识，或日志条目中的完整标记（st1.…）。",
            "Check the kind of identifier (such as resident_id) and its value, or the whole token of the entry (st1.…).",
        ),
    ),
    Reason.REVEAL_REASON_MISSING: (
        _t("没有说明为何要知道此人是谁。", "It is not said why this person must be known."),
        _t("请写明理由；理由会记入日志。", "Give the reason; it is recorded."),
    ),
    Reason.REVEAL_REASON_NAMES_SOMEBODY: (
        _t(
            "理由中似有证件、电话或信用代码等号码。",
            "The reason seems to hold the number of a person, a phone or an entity.",
        ),
        _t(
            "理由会永久记入日志；请去掉号码，只写投诉或案件的简短编号。",
            "The reason is recorded for good; leave the number out and write a short complaint or case number only.",
        ),
    ),
    Reason.PERIOD_INVALID: (
        _t(
            "时段无效：须止于开始之后，且不超过 {detail} 天。",
            "The period must end after it begins and be at most {detail} days.",
        ),
        _t("请改正起止时间；较长的时段请分次查询。", "Correct its bounds; ask about a longer time in parts."),
    ),
    Reason.GROUPING_INVALID: (
        _t(
            "分组方式无效：至多 16 组，每组至多 4 个互不相同的维度；提供部门不能按原因分组。",
            "The groupings are invalid: at most 16, each by at most 4 different dimensions, for stewards not by reason.",
        ),
        _t("请减少分组或维度。", "Ask for fewer groupings or dimensions."),
    ),
    Reason.POLICY_UNAVAILABLE: (
        _t("策略引擎不可用，未放行任何数据。", "The policy engine is unavailable; nothing was released."),
        _t("请稍后重试。", "Try again later."),
    ),
    Reason.POLICY_UNDEFINED: (
        _t("策略引擎没有给出决定，未放行任何数据。", "The policy engine gave no decision; nothing was released."),
        _t("请通知网关管理员。", "Tell the gateway's administrator."),
    ),
    Reason.POLICY_MALFORMED: (
        _t(
            "策略引擎的回答不合规范，未放行任何数据。", "The policy engine's answer is malformed; nothing was released."
        ),
        _t("请通知网关管理员。", "Tell the gateway's administrator."),
    ),
    Reason.POLICY_SLOW: (
        _t(
            "策略引擎未在期限内回答，未放行任何数据。",
            "The policy engine did not answer in time; nothing was released.",
        ),
        _t("请稍后重试。", "Try again later."),
    ),
    Reason.CASE_REGISTER_UNAVAILABLE: (
        _t(
            "无法核对事项是否在办，未放行任何数据。",
            "Whether the case is open cannot be checked; nothing was released.",
        ),
        _t("请稍后重试。", "Try again later."),
    ),
    Reason.CONNECTOR_UNAVAILABLE: (
        _t("数据集“{detail}”的部门连接器不可用。", "The department's connector for dataset '{detail}' is unavailable."),
        _t("请稍后重试，或联系提供部门。", "Try again later or ask the controller."),
    ),
    Reason.CONNECTOR_SUSPENDED: (
        _t("数据集“{detail}”已被停用。", "Dataset '{detail}' is suspended."),
        _t("请联系提供部门。", "Ask the controller."),
    ),
    Reason.CONNECTOR_DRIFTED: (
        _t(
            "数据集“{detail}”的数据结构与目录不符，已停止提供。",
            "The schema of dataset '{detail}' is no longer what the catalogue says; it is not served.",
        ),
        _t(
            "请提供部门修正数据表或更新目录。",
            "Ask the controller to repair the table or to update the catalogue.",
        ),
    ),
    Reason.CONNECTOR_SLOW: (
        _t(
            "数据集“{detail}”的部门连接器未在期限内完成。",
            "The department's connector for dataset '{detail}' did not finish in time.",
        ),
        _t("请缩小查询范围后重试。", "Ask for less and try again."),
    ),
    Reason.CONNECTOR_REFUSED: (
        _t(
            "数据集“{detail}”的部门连接器拒绝了扫描授权。",
            "The department's connector for dataset '{detail}' refused the grant.",
        ),
        _t("请联系提供部门。", "Ask the controller."),
    ),
    Reason.CONNECTOR_UNTRUSTWORTHY: (
        _t(
            "数据集“{detail}”的部门连接器发送的内容与授权不符，查询已中止。",
            "The department's connector for dataset '{detail}' sent something other than granted; the query was stopped.",
        ),
        _t("请联系网关管理员与提供部门。", "Tell the gateway's administrator and the controller."),
    ),
    Reason.REGISTRY_UNAVAILABLE: (
        _t(
            "登记库不可用，未放行任何数据。",
            "The registry's database is unavailable; nothing was released.",
        ),
        _t("请联系网关管理员。", "Tell the gateway's administrator."),
    ),
    Reason.PARTIAL_REFUSED: (
        _t(
            "统计查询不能要求部分结果：缺少数据集会使统计数失真。",
            "Statistics cannot be partial: without a dataset the numbers would be wrong.",
        ),
        _t(
            "请去掉部分结果的要求，待数据集恢复后再查询。",
            "Ask again without partial results when the dataset is back.",
        ),
    ),
    Reason.DEPARTMENT_LOG_INVALID: (
        _t(
            "部门“{detail}”的日志内容无效，未予采信。",
            "What department '{detail}' sent as its log is no valid log; it was not used.",
        ),
        _t(
            "请联系网关管理员与该部门，检查其连接器。",
            "Tell the gateway's administrator and the department; check its connector.",
        ),
    ),
    Reason.DEPARTMENT_LOG_TOO_LARGE: (
        _t("部门日志超过上限：{detail}。", "The department's log is more than can be compared at once: {detail}."),
        _t(
            "请缩短时段后重试；若仍如此，请检查其连接器。",
            "Ask for a shorter time; if that does not help, check its connector.",
        ),
    ),
    Reason.AUDIT_UNAVAILABLE: (
        _t("审计日志不可写，未放行任何数据。", "The audit log cannot be written; nothing was released."),
        _t("请通知网关管理员。", "Tell the gateway's administrator."),
    ),
    Reason.ENGINE_MEMORY: (
        _t("语句需要的内存超过上限。", "The statement needs more memory than allowed."),
        _t("请缩小查询范围。", "Ask for less."),
    ),
    Reason.ENGINE_TIME: (
        _t("语句执行超时，已停止。", "The statement ran too long and was stopped."),
        _t("请缩小查询范围。", "Ask for less."),
    ),
    Reason.ENGINE_LOST: (
        _t("执行该语句的进程意外结束。", "The process that ran the statement ended unexpectedly."),
        _t("请重试；若再次发生请通知管理员。", "Try again; tell the administrator if it happens again."),
    ),
    Reason.RESULT_TOO_LARGE: (
        _t("结果超过该用途允许的 {detail} 行。", "The result exceeds the {detail} rows that the purpose allows."),
        _t("请增加筛选条件。", "Add filters."),
    ),
    Reason.TICKET_INVALID: (
        _t("票据无效、已使用或已过期。", "The ticket is invalid, used or expired."),
        _t("请重新提交查询。", "Submit the query again."),
    ),
    Reason.BUSY: (
        _t("网关繁忙。", "The gateway is busy."),
        _t("请稍后重试。", "Try again in a moment."),
    ),
    Reason.NOT_IMPLEMENTED: (
        _t("不支持此操作。", "This operation is not supported."),
        _t(
            "本服务只读，支持 Flight SQL 语句查询。",
            "This server is read-only and serves Flight SQL statement queries.",
        ),
    ),
    Reason.REGISTRATION_REFUSED: (
        _t("拒绝登记：{detail}。", "The registration is refused: {detail}."),
        _t("请更正连接器配置后重新登记。", "Correct the connector's configuration and register again."),
    ),
    Reason.NOT_AVAILABLE: (
        _t("“{detail}”不可用。", "'{detail}' is not available."),
        _t(
            "请在目录（“数据集”页）中查看您可以使用的数据集。",
            "The catalogue (Datasets) shows the datasets that you may use.",
        ),
    ),
    Reason.RECEIPT_UNKNOWN: (
        _t("没有您可以领取的回执“{detail}”。", "There is no receipt '{detail}' that you may fetch."),
        _t(
            "请核对审计编号；回执只提供给查询的请求人和审计人员，且仅限完整交付的结果。",
            "Check the audit entry; receipts are for the requester and auditors, and of complete deliveries only.",
        ),
    ),
    Reason.ENTRY_UNKNOWN: (
        _t("日志中没有条目“{detail}”。", "The log has no entry '{detail}'."),
        _t(
            "请核对条目编号；超过留存期限的条目已经删除。",
            "Check its id; entries past their retention have been removed.",
        ),
    ),
    Reason.MARKS_INVALID: (
        _t(
            "所提交的水印样本不完整、有重复，或不是 {detail} 个。",
            "The marks sent do not fit together, repeat, or are not {detail}.",
        ),
        _t("请使用 gateway audit trace 读取副本。", "Read the copy with 'gateway audit trace'."),
    ),
    Reason.INTERNAL: (
        _t("内部错误。", "Internal error."),
        _t("请通知网关管理员。", "Tell the gateway's administrator."),
    ),
}


def message(reason: Reason, detail: str | Text = "") -> Text:
    """Return the public text of `reason` with `detail` filled in."""
    text, _ = MESSAGES[reason]
    words = detail if isinstance(detail, Text) else None
    return Text(
        zh=text.zh.replace("{detail}", words.zh if words else str(detail)),
        en=text.en.replace("{detail}", words.en if words else str(detail)),
    )


def remedy(reason: Reason) -> Text:
    """Return what to do next."""
    return MESSAGES[reason][1]
