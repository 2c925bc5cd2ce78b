"""Providers are found by name, made of clients, and never chosen by themselves."""

from __future__ import annotations

import subprocess
import sys

import openai
import pytest

from flow_widgets import providers
from flow_widgets.errors import FlowError, ProviderError
from flow_widgets.providers import OfflineProvider, OpenAIProvider, Provider, provider_of


def test_a_name_gives_one_instance() -> None:
    assert provider_of("offline") is provider_of("offline")
    assert isinstance(provider_of("openai"), OpenAIProvider)


def test_a_provider_stays_what_it_is() -> None:
    provider = OfflineProvider()

    assert provider_of(provider) is provider
    assert isinstance(provider, Provider)


def test_a_client_is_wrapped() -> None:
    provider = provider_of(
        openai.AsyncOpenAI(api_key="sk-canary-1", base_url="http://localhost/v1")
    )

    assert isinstance(provider, OpenAIProvider)
    assert repr(provider) == "OpenAIProvider(base_url='http://localhost/v1/', model=None)"


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(FlowError) as caught:
        provider_of("ofline")

    assert str(caught.value) == "The provider 'ofline' is not known. Did you mean 'offline'?"


@pytest.mark.parametrize("value", [3, OfflineProvider, object()])
def test_what_is_no_provider_is_refused(value: object) -> None:
    with pytest.raises(FlowError, match="can't be made of"):
        provider_of(value)


def test_without_a_key_nothing_is_chosen() -> None:
    with pytest.raises(ProviderError) as caught:
        provider_of(None)

    assert caught.value.kind == "not_configured"
    assert caught.value.what == "No key was found for the provider 'openai'."
    assert "OPENAI_API_KEY" in caught.value.hint
    assert 'provider="offline"' in caught.value.hint


def test_with_a_key_openai_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1")

    assert provider_of(None) is provider_of("openai")


def test_an_entry_point_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        name = "other"
        value = "other:Provider"

        def load(self) -> type[OfflineProvider]:
            return OfflineProvider

    def found(*, group: str, name: str = "other") -> list[Entry]:
        return [Entry()] if (group, name) == (providers.ENTRY_POINTS, "other") else []

    monkeypatch.setattr(providers, "entry_points", found)
    monkeypatch.setattr(providers, "_defaults", {})

    assert provider_of("other") is provider_of("other")
    assert providers.provider_names() == ["openai", "offline", "other"]


def test_the_import_brings_no_sdk() -> None:
    code = (
        "import sys, flow_widgets.providers, flow_widgets.providers.openai; "
        "print([m for m in ('openai', 'httpx', 'httpx2') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "[]"
