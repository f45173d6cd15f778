"""The clauses of docs/connector-protocol.md that can be checked from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.dataset import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One promise of the protocol."""

    id: str
    """As in the page: a letter for the section and a number."""
    text: Text


_TEXTS = (
    (
        "C1",
        "Describe 与 Check 有应答，部门编号相符",
        "Describe and Check are answered, and Describe names the department that was asked",
    ),
    (
        "C2",
        "所列数据集均已编目、由本部门主管、按名称排序且不重复",
        "Every dataset is catalogued, the department is its controller, and names are sorted and come once",
    ),
    (
        "C3",
        "所述结构与目录完全一致：列名、顺序、类型、可空性",
        "A described schema is exactly the catalogue's: names, order, types, nullability",
    ),
    (
        "C4",
        "实例编号不变，未发出的登记随机数不予确认",
        "The instance id stays the same, and a registration nonce that the connector did not send is not confirmed",
    ),
    (
        "C5",
        "只为持网关证书的调用方服务，明文被拒绝",
        "Only a caller with the gateway's certificate is served; plaintext and no certificate are refused",
    ),
    (
        "G1",
        "密钥未知或签名不符的授权被拒绝",
        "A grant with an unknown key or a wrong signature is refused",
    ),
    (
        "G2",
        "残缺、自相矛盾或含未知字段的授权被拒绝",
        "A grant with a missing, contradictory or unknown part, or a nonce that has not 16 bytes, is refused",
    ),
    ("G3", "给其他部门的授权被拒绝", "A grant for another department is refused"),
    (
        "G4",
        "过期、尚未生效或有效期过长的授权被拒绝",
        "A grant that has ended, has not begun or lives too long is refused",
    ),
    (
        "G5",
        "授权与随机数各只能使用一次",
        "A grant serves once, and so does a nonce",
    ),
    (
        "G6",
        "未知数据集或列的授权被拒绝",
        "A grant for an unknown dataset or column is refused",
    ),
    (
        "G7",
        "不认识或不适用于该列的处理方式被拒绝，绝不原样发送",
        "A treatment that is unknown or does not fit the column's type is refused, never sent untreated",
    ),
    (
        "G8",
        "条件不适用于列，或请求方条件涉及非明文列，被拒绝",
        "A predicate that does not fit its column is refused, and so is the requester's own on a column that is not clear",
    ),
    (
        "G9",
        "一千个查询键、一万个取值的授权可用",
        "A grant with 1,000 look-up keys or 10,000 values in a filter is served",
    ),
    ("F1", "不发送行过滤条件以外的行", "No row outside the row filter is sent"),
    ("F2", "过滤条件以内的行不遗漏", "No row inside the row filter is missing"),
    (
        "F3",
        "每个运算符对每种类型均按规定计算",
        "Every operator means what it must, on every type",
    ),
    (
        "F4",
        "与空值比较为假，其否定为真",
        "A comparison with null is false, and its negation true",
    ),
    ("F5", "请求方条件使行更少", "The pushed filter is carried out"),
    ("F6", "只发送匹配查询键的行", "With look-up keys, only rows that match one of them are sent"),
    ("F7", "行数不超过上限，且达到上限", "At most `rows_max` rows are sent, and as many when there are"),
    (
        "V1",
        "明文值不变，列按授权的顺序排列",
        "Clear values are unchanged, and columns come in the grant's order",
    ),
    ("V2", "处理方式 null 只发送空值", "Treatment `null` sends nulls only"),
    (
        "V3",
        "处理方式 pseudonym 的化名按规定计算",
        "Treatment `pseudonym` sends exactly the keyed hash",
    ),
    (
        "V4",
        "处理方式 partial 的脱敏按规定执行",
        "Treatment `partial` sends exactly the masked form, for every mask that is offered",
    ),
    (
        "V5",
        "处理方式 generalise 的概化按规定执行",
        "Treatment `generalise` sends exactly the coarser value, for every mask that is offered",
    ),
    ("D1", "目录规定非空的列没有空值", "Columns that the catalogue declares without nulls hold none"),
    ("D2", "代码均在代码表中", "Codes are in their code list"),
    ("D3", "标识符的校验码正确", "Identifiers have the right check digit and form"),
    ("D4", "值均可转换为目录规定的类型", "Every value becomes the catalogue's type without loss"),
    (
        "S1",
        "每个批次是未压缩的 Arrow IPC 消息，恰含授权的列，行以外别无他物",
        "Every batch is an uncompressed Arrow IPC message with exactly the grant's columns, and nothing beyond its rows",
    ),
    ("S2", "每个批次不超过 2 MiB", "A batch has at most 2 MiB"),
    (
        "S3",
        "完整的数据流以唯一的结束消息收尾，行数与散列相符",
        "A complete stream closes with one end message, whose rows and hash are those of the stream",
    ),
    ("S4", "数据时间可信", "The time of the data is 0 or plausible: after 1990, not in the future"),
    ("S5", "已授权的数据流得到提供并自行结束", "A granted stream is served and comes to its end by itself"),
    (
        "E1",
        "拒绝与错误用规定的状态，且只含代码",
        "Refusals and errors have the status that is laid down, and their text is a code and nothing else",
    ),
    ("E2", "可同时进行八次扫描", "Eight scans at once are served, each with the same result"),
    ("E3", "取消后释放资源", "A cancelled scan gives back what it holds"),
    ("E4", "到期后释放资源", "A scan whose deadline has passed gives back what it holds"),
    ("E5", "大结果占用的内存有界", "A large result takes bounded memory, also when the reader is slow"),
    (
        "L1",
        "每次授权均有日志：行数、散列、拒绝的代码",
        "Every grant is in the department's log: rows and hash of those served, the code of those refused",
    ),
    (
        "L2",
        "未签名、他人的或重放的询问被拒绝",
        "A question that is not signed, for another department, or asked twice is refused",
    ),
    (
        "L3",
        "能查出哪些授权涉及某一主体",
        "A data subject is found in the grants under which a row of theirs left, and in no other",
    ),
    ("Q1", "质量数字与扫描一致", "The numbers of a profile are those of a scan"),
    (
        "Q2",
        "主键草图按规定计算",
        "The sketch of a profile is exactly that of the dataset's primary keys under the key of the question",
    ),
)

CLAUSES: Mapping[str, Clause] = {
    clause_id: Clause(id=clause_id, text=Text(zh=zh, en=en)) for clause_id, zh, en in _TEXTS
}
"""By id, in the order of the page."""
