"""A short example of every type of action, as data: for docs/actions.md and for the contract tests."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, dict[str, Any]] = {
    "case": {
        "cases": [
            {"name": "cheap", "left": "{{price}}", "operator": "<", "right": 10},
            {
                "name": "urgent",
                "all": [
                    {"left": "{{order.tags}}", "operator": "contains", "right": "rush"},
                    {"left": "{{price}}", "operator": ">", "right": 5},
                ],
            },
        ]
    },
    "chat": {
        "system": "You are terse.",
        "prompt": "Summarise: {{article}}",
        "temperature": 0.2,
    },
    "chat_input": {"text": "{{question}}", "min_length": 3, "max_length": 500},
    "code": {"code": "sum(prices) * 2", "inputs": {"prices": "{{prices}}"}},
    "conditional": {"left": "{{price}}", "operator": ">=", "right": 5},
    "constants": {"values": {"currency": "EUR", "rates": [0.07, 0.19]}},
    "data_block": {"format": "csv", "data": "name,price\napple,0.5\npear,0.75\n"},
    "delay": {"seconds": 1.5},
    "end": {"values": {"answer": "{{steps.draft.output}}", "price": "{{price}}"}},
    "event": {"event_name": "order.paid"},
    "flow_select": {
        "choices": [
            {"name": "fast", "value": "{{order.express}}"},
            {"name": "slow", "value": "{{order.id}}"},
        ]
    },
    "history": {"messages": "{{messages}}", "max_messages": 5, "format": "text"},
    "loop": {
        "over": "{{prices}}",
        "item": "price",
        "body": {"steps": [{"type": "transform", "value": "{{price}}"}]},
    },
    "map": {
        "over": "{{prices}}",
        "item": "price",
        "concurrency": 4,
        "body": {"steps": [{"type": "transform", "value": "{{price}}"}]},
    },
    "merge": {"values": [{"colour": "red", "size": {"w": 1}}, {"size": {"h": 2}}]},
    "random": {"kind": "integer", "min": 1, "max": 6, "seed": 7},
    "reply": {"text": "Thank you, {{order.name}}. Your order is {{order.id}}."},
    "request": {
        "url": "https://api.example.com/orders/{{order.id}}",
        "headers": {"Accept": "application/json"},
    },
    "schedule": {"cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"},
    "select": {"data": "{{order}}", "path": "lines[0].name"},
    "set_state": {"key": "customer.name", "value": "{{order.name}}"},
    "start": {"takes": {"text": "", "count": 3}, "values": {"source": "web"}},
    "subflow": {
        "flow": {
            "inputs": ["topic"],
            "steps": [{"type": "reply", "text": "About {{topic}}"}],
        },
        "inputs": {"topic": "{{question}}"},
    },
    "switch": {"value": "{{order.country}}", "cases": ["DE", "AT"], "default": "elsewhere"},
    "time": {"format": "YYYY-MM-DD HH:mm:ss", "timezone": "Europe/Berlin"},
    "transform": {"values": {"who": "{{order.name}}", "total": "{{price}}"}},
    "webhook": {"path": "/orders", "method": "POST"},
}
"""Fields by type; what stands in braces is in ``VALUES``."""

VALUES: dict[str, Any] = {
    "article": "Bees dance to tell where flowers are.",
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
    "order": {
        "id": 17,
        "name": "Ada",
        "country": "AT",
        "tags": ["rush"],
        "express": None,
        "lines": [{"name": "apple"}],
    },
    "price": 7.5,
    "prices": [1, 2, 3],
    "question": "Why do bees dance?",
    "steps": {"draft": {"output": "A draft."}},
}
"""What the references of the examples find."""
