"""Calls a chatflow with PyPI's `flowise`; prints what it yields, or what it raises."""

import json
import sys

from flowise import Flowise, PredictionData
from flowise.client import IMessage

given = json.load(sys.stdin)
client = Flowise(given["url"], given.get("key"))
history = [IMessage(**message) for message in given.get("history", [])]
data = PredictionData(
    chatflowId=given["chatflow"],
    question=given["question"],
    streaming=given["streaming"],
    chatId=given.get("chatId"),
    overrideConfig=given.get("overrideConfig"),
    history=history or None,
)
try:
    said = {"yielded": list(client.create_prediction(data))}
except Exception as error:  # noqa: BLE001  # whatever it raises is what is asked for
    said = {"raised": type(error).__name__, "message": str(error)}
print(json.dumps(said))
