"""The errors a person may see: each says what happened and what to do next, in English and Chinese.

A class is a message. Nothing else is shown to a person. An error crosses processes as `{"code": class name, "details": {…}}`, so
that a reader can say it in the language of whoever looks.
"""
