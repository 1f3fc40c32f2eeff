"""The Text tab: the chat, and the tasks beside it."""
