"""The OpenAI-compatible endpoint: its forms, its limits, who may use it, and that each request is answered as alone."""

from __future__ import annotations

import json
import threading
import time

import httpx2
import openai
import pytest
from starlette.testclient import TestClient

from distill.data.prompts import prompt
from distill.serve.app import build_app
from distill.serve.decoder import Decoder
from distill.serve.requests import Served
from students.generation import generate

from .conftest import TEXT, running


@pytest.fixture(scope="module")
def server(nano_student, chat_student):
    with running([Served("nano", Decoder(*nano_student)), Served("chat", Decoder(*chat_student))]) as address:
        yield address


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client, question="What is 4 + 5?", model="nano", **options):
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model=model, messages=messages, **options)


def alone(student, question, **options):
    model, tokenizer = student
    return generate(model, tokenizer, [prompt(tokenizer, question)], **options)[0].text


def test_the_official_client_lists_the_models(client):
    assert [model.id for model in client.models.list()] == ["nano", "chat"]
    assert client.models.retrieve("chat").object == "model"


@pytest.mark.parametrize("model", ["nano", "chat"])
def test_greedy_answers_are_those_of_generate(client, nano_student, chat_student, model):
    student = nano_student if model == "nano" else chat_student
    found = ask(client, "Is 7 odd?", model, max_tokens=40)
    assert found.choices[0].message.content == alone(student, "Is 7 odd?", max_new_tokens=40)
    assert found.usage.completion_tokens <= 40
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens


def test_parallel_requests_are_each_answered_as_alone(client, nano_student):
    questions = [f"What is {i} + {7 * i}?" for i in range(24)]
    found = {}
    threads = [
        threading.Thread(target=lambda q=q: found.__setitem__(q, ask(client, q, max_tokens=30))) for q in questions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for question in questions:
        assert found[question].choices[0].message.content == alone(nano_student, question, max_new_tokens=30)


def test_a_stream_has_the_same_text_and_says_why_it_ended(client, nano_student):
    chunks = list(ask(client, max_tokens=25, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == alone(nano_student, "What is 4 + 5?", max_new_tokens=25)
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] in (
        ["length"],
        ["stop"],
    )
    assert chunks[-1].usage.completion_tokens <= 25


def test_samples_differ_and_are_repeatable_by_seed(client):
    def texts(seed):
        return [c.message.content for c in ask(client, n=4, temperature=1.0, seed=seed, max_tokens=12).choices]

    first = texts(3)
    assert len(set(first)) > 1
    assert texts(3) == first
    assert texts(4) != first
    assert texts(4)[:3] == first[1:]  # sample i of seed s is drawn from s + i


def test_stop_texts_end_an_answer_and_are_no_part_of_it(client, script):
    with running([script()]) as address, openai.OpenAI(base_url=f"{address}/v1", api_key="-") as local:
        found = ask(local, model="script", stop=["[VERIFY]", "never"])
        assert found.choices[0].message.content == TEXT.partition("[VERIFY]")[0]
        assert found.choices[0].finish_reason == "stop"
        streamed = ask(local, model="script", stop="9+1", stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in streamed) == TEXT.partition("9+1")[0]


def test_log_probabilities_are_given(client):
    found = ask(client, max_tokens=5, logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert len(found) <= 5
    for token in found:
        assert len(token.top_logprobs) == 2
        assert token.logprob == pytest.approx(max(one.logprob for one in token.top_logprobs))  # greedy


def test_a_conversation_is_kept_for_students_that_read_one(server):
    turns = [("user", "Say a."), ("assistant", "a"), ("user", "Say b.")]
    counts = {}
    for model in "nano", "chat":
        for messages in turns, turns[-1:]:
            body = {"model": model, "max_tokens": 1, "messages": [{"role": r, "content": c} for r, c in messages]}
            used = httpx2.post(f"{server}/v1/chat/completions", json=body).json()["usage"]
            counts[model, len(messages)] = used["prompt_tokens"]
    assert counts["nano", 3] == counts["nano", 1]
    assert counts["chat", 3] > counts["chat", 1]


def test_a_vote_gives_one_choice_and_stops_once_it_is_decided(script):
    with running([script(seconds=0.001)]) as address:
        body = {"model": "script", "n": 5, "vote": "verify", "messages": [{"role": "user", "content": "4 + 5 = ?"}]}
        found = httpx2.post(f"{address}/v1/chat/completions", json=body).json()
        assert [choice["message"]["content"] for choice in found["choices"]] == [TEXT]
        assert found["votes"]["answers"][0]["answer"] == "9"
        assert found["votes"]["counted"] <= 5
        streamed = httpx2.post(f"{address}/v1/chat/completions", json=body | {"stream": True}).text
        assert '"votes"' in streamed
        assert streamed.endswith("data: [DONE]\n\n")


BAD = {
    "no JSON": ("{", 400, "body"),
    "no object": ("[]", 400, "body"),
    "no model": ({"model": None}, 400, "model"),
    "another model": ({"model": "gpt"}, 404, "model"),
    "no messages": ({"messages": []}, 400, "messages"),
    "an unknown role": ({"messages": [{"role": "robot", "content": "x"}]}, 400, "messages.0.role"),
    "a picture": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        400,
        "messages.0.content",
    ),
    "an empty question": ({"messages": [{"role": "user", "content": " "}]}, 400, "messages"),
    "the assistant last": ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "messages"),
    "a negative length": ({"max_tokens": -1}, 400, "max_tokens"),
    "a length of words": ({"max_tokens": "many"}, 400, "max_tokens"),
    "too many samples": ({"n": 1000}, 400, "n"),
    "a negative temperature": ({"temperature": -1}, 400, "temperature"),
    "no temperature": ({"temperature": "NaN"}, 400, "temperature"),
    "top_p of zero": ({"top_p": 0}, 400, "top_p"),
    "an empty stop": ({"stop": ""}, 400, "stop"),
    "a huge seed": ({"seed": 2**70}, 400, "seed"),
    "tools": ({"tools": [{"type": "function"}]}, 400, "tools"),
    "another vote": ({"vote": "loud"}, 400, "vote"),
    "a long prompt": ({"messages": [{"role": "user", "content": "1 " * 5000}]}, 400, "messages"),
    "a very long prompt": ({"messages": [{"role": "user", "content": "9" * 900_000}]}, 400, "messages"),
}


@pytest.fixture(scope="module")
def local(nano_student):
    with TestClient(build_app([Served("nano", Decoder(*nano_student))]), base_url="http://localhost") as client:
        yield client


GOOD = {"model": "nano", "messages": [{"role": "user", "content": "What is 4 + 5?"}], "max_tokens": 2}


@pytest.mark.parametrize("change, status, param", BAD.values(), ids=BAD)
def test_bad_requests_are_refused_in_one_line(local, change, status, param):
    body = change if isinstance(change, str) else json.dumps(GOOD | change)
    found = local.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert found.status_code == status
    error = found.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "\n" not in error["message"]
    assert error["message"].startswith(param)


def test_fields_that_change_nothing_are_taken(local):
    more = {"user": "me", "tools": [], "presence_penalty": 0, "response_format": {"type": "text"}, "stop": None, "x": 1}
    assert local.post("/v1/chat/completions", json=GOOD | more).status_code == 200


def test_other_paths_methods_and_types_are_refused(local):
    assert local.get("/nothing").json()["error"]["message"] == "GET /nothing: nothing is here"
    assert local.get("/v1/chat/completions").status_code == 405
    assert local.post("/v1/chat/completions", content="{}").status_code == 415
    assert (
        local.post(
            "/v1/chat/completions", content=b"x" * 1_100_000, headers={"Content-Type": "application/json"}
        ).status_code
        == 413
    )
    assert local.get("/v1/models/none").status_code == 404


def test_pages_elsewhere_cannot_point_their_name_here(local):
    assert local.get("/health", headers={"Host": "evil.example"}).status_code == 400
    assert local.get("/health", headers={"Host": "[::1]:8321"}).status_code == 200


def test_a_key_is_needed_where_there_is_one(nano_student):
    app = build_app([Served("nano", Decoder(*nano_student))], api_key="right", is_local=False)
    with TestClient(app) as client:
        assert client.get("/health").status_code == client.get("/").status_code == 200
        for header in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Bearer right "},
            {"Authorization": b"Bearer \xff"},
        ):
            found = client.post("/v1/chat/completions", json=GOOD, headers=header)
            assert found.status_code == 401
            assert "right" not in found.text
            assert client.get("/page/facts", headers=header).status_code == 401
        right = {"Authorization": "Bearer right"}
        assert client.post("/v1/chat/completions", json=GOOD, headers=right).status_code == 200


def test_too_many_waiting_requests_are_refused(script):
    with running([script(seconds=0.01, max_rows=1, max_waiting=2)]) as address:
        body = {"model": "script", "messages": [{"role": "user", "content": "x"}]}
        statuses = []

        def post():
            statuses.append(httpx2.post(f"{address}/v1/chat/completions", json=body, timeout=60).status_code)

        threads = [threading.Thread(target=post) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(statuses) == {200, 429}
        assert statuses.count(200) >= 3


def load(address, name="script"):
    return httpx2.get(f"{address}/health").json()["models"][name]


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_frees_its_place(script, stream):
    with running([script("[PLAN]" + "<STEP>4+5=9" * 60, seconds=0.15)]) as address:
        body = {"model": "script", "messages": [{"role": "user", "content": "x"}], "stream": stream}
        if stream:
            with httpx2.stream("POST", f"{address}/v1/chat/completions", json=body) as response:
                next(response.iter_text())
        else:
            with pytest.raises(httpx2.TimeoutException):
                httpx2.post(f"{address}/v1/chat/completions", json=body, timeout=0.5)
        end = time.monotonic() + 30  # the whole answer would take twice as long
        while load(address) != {"writing": 0, "waiting": 0}:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_failing_model_ends_its_requests_and_not_the_server(script):
    served = script()
    served.decoder.model.following = None  # what would be an out-of-memory error of a large model
    with running([served]) as address:
        body = {"model": "script", "messages": [{"role": "user", "content": "x"}]}
        found = httpx2.post(f"{address}/v1/chat/completions", json=body)
        assert found.status_code == 503
        assert "could not answer" in found.json()["error"]["message"]
        assert httpx2.get(f"{address}/health").status_code == 200
