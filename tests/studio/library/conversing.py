"""A question and its answer, as the chat keeps them."""

from studio.library.conversations import Conversations

ANN, BEN = "visitor:ann", "login:ben"
FACTS = {"model": "smollm2-135m-instruct", "seed": 7, "finish_reason": "stop", "decode_tokens_per_second": 31.5}


def say(conversations: Conversations, conversation_id: str, question: str, answer: str) -> tuple[str, str]:
    """A question and its settled answer after what is shown; the ids of both."""
    last = conversations.get(ANN, conversation_id).last_id()
    asked = conversations.add_user(ANN, conversation_id, last, question)
    answered = conversations.add_answer(ANN, conversation_id, asked, "job")
    conversations.settle(ANN, conversation_id, answered, answer, FACTS)
    return asked, answered


def shown(conversations: Conversations, conversation_id: str) -> list[str]:
    return [node.text for node in conversations.get(ANN, conversation_id).path()]
