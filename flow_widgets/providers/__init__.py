"""Sources of chat completions, by name or as objects."""

from __future__ import annotations

import threading
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from flow_widgets.errors import FlowError, ProviderError, nearest

from .base import ChatRequest, ChatResult, OnText, Provider, Timeouts, Usage

if TYPE_CHECKING:
    from .offline import OfflineProvider, Reply
    from .openai import OpenAIProvider

__all__ = [
    "ENTRY_POINTS",
    "ChatRequest",
    "ChatResult",
    "OfflineProvider",
    "OnText",
    "OpenAIProvider",
    "Provider",
    "Reply",
    "Timeouts",
    "Usage",
    "preload",
    "provider_names",
    "provider_of",
]

ENTRY_POINTS = "flow_widgets.providers"
"""The group of entry points under which packages offer providers: a class or factory by name."""

_HOMES = {"OpenAIProvider": "openai", "OfflineProvider": "offline", "Reply": "offline"}
_OWN = {"openai": "OpenAIProvider", "offline": "OfflineProvider"}
_MEMBERS = ("name", "default_model", "check", "chat", "close")
_defaults: dict[str, Provider] = {}
_lock = threading.RLock()


def provider_of(value: object = None) -> Provider:
    """Return the provider that ``value`` stands for.

    A name gives the one instance of this process; a client of the openai SDK is wrapped; None is
    ``openai`` when it has what it needs, and never anything else.

    Raises:
        FlowError: The name is unknown, or the value is no provider.
        ProviderError: Nothing was chosen, and OpenAI has no key (``not_configured``).
    """
    if value is None:
        provider = provider_of("openai")
        provider.check()
        return provider
    if isinstance(value, str):
        return _named(value)
    if hasattr(getattr(value, "chat", None), "completions"):
        from .openai import OpenAIProvider

        return OpenAIProvider(client=value)
    if isinstance(value, Provider) and not isinstance(value, type):
        return value
    missing = [name for name in _MEMBERS if not hasattr(value, name)]
    lacks = f" (a provider of your own also needs {', '.join(missing)})" if len(missing) < 3 else ""
    raise FlowError(
        f"A provider can't be made of a {type(value).__name__!r}.",
        hint=f"Pass a name, a provider, or an AsyncOpenAI client{lacks}.",
    )


def preload() -> None:
    """Import the openai SDK on a thread of its own, so that the first call need not wait for it."""
    threading.Thread(target=_import_sdk, name="flow_widgets-preload", daemon=True).start()


def _import_sdk() -> None:
    from . import sdk

    sdk.openai_module()


def provider_names() -> list[str]:
    """Return the names that ``provider_of`` knows, those of other packages included."""
    others = {entry.name for entry in entry_points(group=ENTRY_POINTS)}
    return [*_OWN, *sorted(others - set(_OWN))]


def _named(name: str) -> Provider:
    with _lock:
        if name not in _defaults:
            _defaults[name] = _made(name)
        return _defaults[name]


def _made(name: str) -> Provider:
    if name in _OWN:
        made: Provider = __getattr__(_OWN[name])()
        return made
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        try:
            provider = entry.load()()
        except ImportError as error:
            raise ProviderError(
                "not_configured",
                f"The provider {name!r} can't be loaded from {entry.value!r}.",
                hint="Install what its package needs.",
                detail=str(error),
            ) from None
        if not isinstance(provider, Provider):
            raise FlowError(f"What {entry.value!r} makes is no provider.")
        return provider
    raise FlowError(f"The provider {name!r} is not known.", hint=nearest(name, provider_names()))


def __getattr__(name: str) -> type:
    """Import a provider's class at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: type = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return found
