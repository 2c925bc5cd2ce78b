"""Makes clients of the openai SDK the way we need them; the only file that knows its versions.

The SDK is imported at the first call. Its retries and redirects are off, because waiting and
trying again are the engine's, and its read timeout is off, because the watchdog has better ones.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from flow_widgets.errors import FlowError, ProviderError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Transport = Literal["auto", "httpx", "aiohttp"]

_KEEPALIVE_CONNECTIONS = 1000
"""The SDK keeps 100: a step of more parallel actions would dial, and shake hands, again."""
_WRITE_SECONDS = 30.0


_importing = threading.RLock()
"""Two threads that import the SDK at once can be given one that is not whole yet."""


def openai_module() -> ModuleType:
    """Return the openai SDK.

    Raises:
        ProviderError: It is not installed (``not_configured``).
    """
    try:
        with _importing:
            return import_module("openai")
    except ImportError:
        raise ProviderError(
            "not_configured",
            "The package 'openai' is not installed.",
            hint="Run: pip install openai",
        ) from None


def is_plain(client: object) -> bool:
    """Return whether the client is the SDK's own, so that its settings can be taken over."""
    sdk = openai_module()
    return type(client) in (sdk.AsyncOpenAI, sdk.AsyncAzureOpenAI, sdk.OpenAI, sdk.AzureOpenAI)


def http_client(transport: Transport, *, trust_env: bool) -> Any:
    """Return a new HTTP client for the running event loop.

    Raises:
        ProviderError: ``transport`` is ``aiohttp``, which is not installed (``not_configured``).
    """
    sdk = openai_module()
    options = {
        "follow_redirects": False,
        "limits": _http_module().Limits(
            max_connections=None, max_keepalive_connections=_KEEPALIVE_CONNECTIONS
        ),
        "trust_env": trust_env,
    }
    if transport != "aiohttp":
        return sdk.DefaultAsyncHttpxClient(**options)
    try:
        return sdk.DefaultAioHttpClient(**options)
    except RuntimeError:
        raise ProviderError(
            "not_configured",
            "The transport 'aiohttp' is not installed.",
            hint="Run: pip install 'openai[aiohttp]', or leave transport='auto'.",
        ) from None


def timeout(connect_seconds: float) -> Any:
    """Return the timeouts that the HTTP client keeps itself; the watchdog keeps the others."""
    return openai_module().Timeout(
        connect=connect_seconds, read=None, write=_WRITE_SECONDS, pool=None
    )


def new_client(
    http: Any, *, api_key: str, base_url: str | None, headers: Mapping[str, str]
) -> AsyncOpenAI:
    """Return a client that sends over ``http``."""
    client: AsyncOpenAI = openai_module().AsyncOpenAI(
        api_key=api_key,
        base_url=base_url,
        default_headers=dict(headers),
        max_retries=0,
        http_client=http,
    )
    return client


def client_like(client: Any, http: Any, *, headers: Mapping[str, str]) -> AsyncOpenAI:
    """Return a client with the settings of a plain ``client`` that sends over ``http``."""
    sdk = openai_module()
    if isinstance(client, (sdk.AsyncOpenAI, sdk.AsyncAzureOpenAI)):
        copy: AsyncOpenAI = client.copy(
            max_retries=0, http_client=http, default_headers=dict(headers)
        )
        return copy
    options: dict[str, Any] = {
        "api_key": _async_key(client),
        "organization": client.organization,
        "project": client.project,
        "base_url": client.base_url,
        "default_headers": {**client._custom_headers, **headers},
        "default_query": client._custom_query,
        "max_retries": 0,
        "http_client": http,
    }
    if isinstance(client, sdk.AzureOpenAI):
        azure: AsyncOpenAI = sdk.AsyncAzureOpenAI(
            **options,
            api_version=client._api_version,
            azure_ad_token=client._azure_ad_token,
            azure_ad_token_provider=client._azure_ad_token_provider,
        )
        return azure
    plain: AsyncOpenAI = sdk.AsyncOpenAI(**options)
    return plain


def refuse_sync(client: object) -> None:
    """Refuse a subclass of the synchronous clients, whose stream would block the event loop.

    Raises:
        FlowError: It is one.
    """
    if client is None or "openai" not in sys.modules:
        return
    if isinstance(client, openai_module().OpenAI) and not is_plain(client):
        raise FlowError(
            f"The client is a {type(client).__name__!r}, which is synchronous.",
            hint="Pass its asynchronous counterpart, based on AsyncOpenAI.",
        )


def transport_errors() -> tuple[type[Exception], ...]:
    """Return the classes of what the SDK and its HTTP libraries raise when a call fails."""
    loaded = [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]
    http = [error for module in loaded for error in (module.HTTPError, module.InvalidURL)]
    if "aiohttp" in sys.modules:  # its transport lets some errors through as they are
        http.append(sys.modules["aiohttp"].ClientError)
    return (openai_module().OpenAIError, *http)


def _async_key(client: Any) -> str | Callable[[], Awaitable[str]]:
    provider = getattr(client, "_api_key_provider", None)
    if provider is None:
        return str(client.api_key)

    async def key() -> str:
        return str(provider())

    return key


def _http_module() -> ModuleType:
    """Return httpx or httpx2, whichever this version of the SDK is built on."""
    roots = [
        base.__module__.partition(".")[0]
        for base in openai_module().DefaultAsyncHttpxClient.__mro__
    ]
    return import_module("httpx2" if "httpx2" in roots else "httpx")
