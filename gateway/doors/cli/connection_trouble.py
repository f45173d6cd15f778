"""What to do when the gateway is not reached: gRPC's own words, read."""

from __future__ import annotations

from catalog.dataset import Text
from gateway.client import IncompleteResult, Profile, RequestError

_CAUSES = (
    (
        "CERTIFICATE_VERIFY_FAILED",
        Text(
            zh="无法确认对方是网关：其证书不是配置文件中 ca_certificate 的机构签发的，已停止连接，令牌未发出。"
            "请向管理员索取正确的 CA 证书，把其路径写入 {file} 的 ca_certificate。",
            en="Who answers cannot be trusted as the gateway: its certificate is not from the authority in "
            "'ca_certificate'. The connection was ended and the token was not sent. Ask the administrator for the right "
            "CA certificate and put its path into 'ca_certificate' of {file}.",
        ),
    ),
    (
        "WRONG_VERSION_NUMBER",
        Text(
            zh="{endpoint} 没有使用 TLS。请向管理员核对地址；grpc+tls:// 只用于启用 TLS 的网关。",
            en="{endpoint} does not speak TLS. Check the address with the administrator; grpc+tls:// is for gateways with TLS.",
        ),
    ),
    (
        "Hostname Verification",
        Text(
            zh="网关的证书不是签给 {endpoint} 这个名称的。请用证书上的主机名，或请管理员换发证书。",
            en="The gateway's certificate is not for the name in {endpoint}. Use the name on the certificate, or ask the "
            "administrator for a new certificate.",
        ),
    ),
    (
        "Socket closed",
        Text(
            zh="{endpoint} 中断了连接。若网关启用了 TLS，地址应以 grpc+tls:// 开头，请核对 {file}。",
            en="{endpoint} closed the connection. If the gateway uses TLS its address begins with grpc+tls://; check {file}.",
        ),
    ),
    (
        "Connection refused",
        Text(
            zh="{endpoint} 上没有服务在运行。请核对 {file} 中的 endpoint，或请管理员启动网关。",
            en="Nothing listens at {endpoint}. Check 'endpoint' in {file}, or ask the administrator to start the gateway.",
        ),
    ),
    (
        "hostname lookup error",
        Text(
            zh="找不到主机 {endpoint}。请核对 {file} 中的 endpoint 与网络（DNS、专网）。",
            en="There is no host of {endpoint}. Check 'endpoint' in {file}, and the network (DNS, private network).",
        ),
    ),
    (
        "Method not found",
        Text(
            zh="{endpoint} 不是数据共享网关，或版本较旧，没有此项功能。请向管理员核对地址与版本。",
            en="{endpoint} is no data-sharing gateway, or an older one without this. Check address and version with the "
            "administrator.",
        ),
    ),
)
"""By a part of gRPC's text; the first that fits."""


def what_to_do(error: RequestError, *, profile: Profile, file: str) -> Text:
    """Return what the requester can do about a call that the gateway did not answer.

    Args:
        error: One without reasons of the gateway's.
        profile: Of the connection.
        file: Where the profile stands.
    """
    if isinstance(error, IncompleteResult):
        return error.remedy
    text = next((text for part, text in _CAUSES if part in error.text), error.remedy)
    return Text(
        **{
            language: words.format(endpoint=profile.endpoint, file=file)
            for language, words in text.model_dump().items()
        }
    )
