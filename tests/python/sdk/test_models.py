"""The list of models."""

from __future__ import annotations

import openai
import pytest


def test_list(client):
    models = {model.id: model for model in client.models.list()}
    assert "gpt-4o-mini" in models
    assert models["gpt-4o-mini"].object == "model"
    assert models["gpt-4o-mini"].owned_by


async def test_async_list(async_client):
    assert "gpt-4o-mini" in {model.id async for model in async_client.models.list()}


def test_retrieve(client):
    assert client.models.retrieve("gpt-4o-mini").id == "gpt-4o-mini"


def test_retrieve_of_an_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert caught.value.code == "model_not_found"


def test_a_key_sees_only_the_models_it_may_use(client_factory, gateway):
    key = gateway.create_key("--model", "gpt-4o-mini")
    assert {model.id for model in client_factory(key).models.list()} == {"gpt-4o-mini"}


def test_list_needs_a_key(client_factory):
    with pytest.raises(openai.AuthenticationError):
        client_factory(api_key="lg_unknown").models.list()
