"""What a person keeps: conversations, results of every kind, and the documents they attach."""
