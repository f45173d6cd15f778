"""What the sign-in says when it does not succeed, and why somebody was led to it: each with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from catalog.dataset import Text
from gateway.client import NotAuthenticated, RequestError

_REVOKED = "REQUESTER_REVOKED"


class Trouble(StrEnum):
    """Why nobody was signed in."""

    NOT_A_PROFILE = "not-a-profile"
    TOKEN_EXPIRED = "token-expired"
    TOKEN_UNKNOWN = "token-unknown"
    NO_GATEWAY = "no-gateway"
    REFUSED = "refused"
    WRONG_CODE = "wrong-code"
    TOO_MANY = "too-many"
    LATE_PAGE = "late-page"
    CITY_REFUSED = "city-refused"
    CITY_MISMATCH = "city-mismatch"
    CITY_NO_ANSWER = "city-no-answer"
    CITY_TOKEN = "city-token"


class Ending(StrEnum):
    """Why a session ended, or is not open."""

    IDLE = "idle"
    TIME = "time"
    TOKEN = "token"
    REVOKED = "revoked"
    SIGNED_OUT = "out"
    ELSEWHERE = "elsewhere"
    SIGNED_IN_ANEW = "anew"
    TOO_MANY = "many"
    NONE = "none"


class SignInFailed(Exception):
    """Nobody was signed in.

    Args:
        trouble: What the person is told.
    """

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What happened, and what to do."""

    what: Text
    next: Text


_NEW_PROFILE = Text(
    zh="请向管理员索取新的配置文件，再次选择后登录。",
    en="Ask your administrator for a new profile file, choose it and sign in again.",
)
_CITY_AGAIN = Text(
    zh="请再次点击“使用城市统一身份登录”；若仍不成功，请联系管理员。",
    en="Press “Sign in with the city's account” once more; if it fails again, ask your administrator.",
)
UNFINISHED = Said(
    what=Text(
        zh="登录没有完成：控制台没有应答，或浏览器不能保存登录所需的密钥。",
        en="You are not signed in: the console did not answer, or the browser cannot keep the key that signing in needs.",
    ),
    next=Text(
        zh="请再试一次；若仍不成功，请改用普通窗口（不用无痕模式），或告知管理员。",
        en="Try again; if it fails again, use a normal window, not a private one, or tell your administrator.",
    ),
)
TROUBLES = {
    Trouble.NOT_A_PROFILE: Said(
        what=Text(zh="这不是配置文件。", en="This is not a profile file."),
        next=Text(
            zh="请选择管理员签发给您的 .json 文件（例如 nanjing-east-road.json）。",
            en="Choose the .json file that your administrator gave you, for example nanjing-east-road.json.",
        ),
    ),
    Trouble.TOKEN_EXPIRED: Said(
        what=Text(zh="配置文件里的令牌已经过期。", en="The token in the profile file has expired."), next=_NEW_PROFILE
    ),
    Trouble.TOKEN_UNKNOWN: Said(
        what=Text(
            zh="网关不认可这个令牌：它不是本网关的，或已停用。",
            en="The gateway does not accept this token: it is of another gateway, or was revoked.",
        ),
        next=_NEW_PROFILE,
    ),
    Trouble.NO_GATEWAY: Said(
        what=Text(zh="控制台现在连不上网关。", en="The console cannot reach the gateway now."),
        next=Text(
            zh="请过一分钟再登录；若仍连不上，请告知管理员网关没有应答。",
            en="Sign in again in a minute; if that fails, tell your administrator that the gateway does not answer.",
        ),
    ),
    Trouble.REFUSED: Said(
        what=Text(zh="网关没有准许登录。", en="The gateway did not let you in."),
        next=Text(zh="请联系管理员核对您的账户。", en="Ask your administrator to check your account."),
    ),
    Trouble.WRONG_CODE: Said(
        what=Text(zh="登录码不对、已用过或已过期。", en="The code is wrong, was used, or has expired."),
        next=Text(
            zh="请核对后重新输入，或向管理员索取新的登录码。",
            en="Check it, or ask your administrator for a new code.",
        ),
    ),
    Trouble.TOO_MANY: Said(
        what=Text(zh="尝试次数过多。", en="There were too many tries."),
        next=Text(zh="请等一分钟再试。", en="Wait a minute, then try again."),
    ),
    Trouble.LATE_PAGE: Said(
        what=Text(
            zh="登录页打开得太久，或本机时间刚被调整。", en="This page was open for too long, or the clock was changed."
        ),
        next=Text(zh="请刷新本页后再登录。", en="Reload this page and sign in again."),
    ),
    Trouble.CITY_REFUSED: Said(
        what=Text(zh="城市统一身份认证没有准许登录。", en="The city's sign-in did not let you in."), next=_CITY_AGAIN
    ),
    Trouble.CITY_MISMATCH: Said(
        what=Text(
            zh="这次登录不是从本页开始的，或者已超过十分钟。",
            en="This sign-in did not begin on this page, or more than ten minutes ago.",
        ),
        next=_CITY_AGAIN,
    ),
    Trouble.CITY_NO_ANSWER: Said(
        what=Text(zh="城市统一身份认证没有应答。", en="The city's sign-in does not answer."),
        next=Text(
            zh="请过一分钟再试，或改用配置文件登录。",
            en="Try again in a minute, or sign in with a profile file.",
        ),
    ),
    Trouble.CITY_TOKEN: Said(
        what=Text(
            zh="城市统一身份认证给出的令牌，网关不认可。",
            en="The gateway does not accept the token that the city's sign-in gave.",
        ),
        next=Text(
            zh="请联系管理员，确认您的账户已登记为数据共享人员。",
            en="Ask your administrator whether your account is listed for data sharing.",
        ),
    ),
}
ENDINGS = {
    Ending.IDLE: Text(
        zh="您有一段时间没有操作，已自动退出。请重新登录，登录后回到刚才的页面。",
        en="You were signed out because nothing was done for a while. Sign in to return to the page you were on.",
    ),
    Ending.TIME: Text(
        zh="本次登录已到最长时限，已自动退出。请重新登录，登录后回到刚才的页面。",
        en="You were signed out because a session may not last longer. Sign in to return to the page you were on.",
    ),
    Ending.TOKEN: Text(
        zh="您的令牌已到期或已停用，网关不再认可。请用新的配置文件登录。",
        en="Your token has expired or was revoked, and the gateway does not accept it any more. Sign in with a new one.",
    ),
    Ending.REVOKED: Text(
        zh="您的数据共享权限已被停用，本次登录已结束，控制台上保存的结果已删除。如有疑问，请联系管理员。",
        en="Your access to shared data was revoked: your session was ended and the results kept here were deleted. "
        "If you have questions, ask your administrator.",
    ),
    Ending.SIGNED_OUT: Text(zh="您已退出。", en="You have signed out."),
    Ending.ELSEWHERE: Text(
        zh="为了安全，本次登录已结束：有人从另一浏览器或另一网络地址使用了它。请重新登录；若不是您本人，请告知管理员。",
        en="For safety your session was ended: it was used from another browser or network address. "
        "Sign in again; if that was not you, tell your administrator.",
    ),
    Ending.SIGNED_IN_ANEW: Text(
        zh="您已在本浏览器重新登录，此前的登录已结束。",
        en="You signed in anew in this browser, which ended this session.",
    ),
    Ending.TOO_MANY: Text(
        zh="同时登录的人数或窗口过多，闲置最久的登录已结束。请重新登录。",
        en="Too many sessions were open, and the one idle for longest was ended. Sign in again.",
    ),
}
"""Nothing is said of a session that never was."""


def ending_of(error: RequestError) -> Ending | None:
    """Return why a session must end when the gateway answers so; None when it may go on."""
    if isinstance(error, NotAuthenticated):
        return Ending.TOKEN
    return Ending.REVOKED if any(reason.code == _REVOKED for reason in error.reasons) else None
