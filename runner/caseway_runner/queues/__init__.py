"""Taking messages from brokers for good: each is the broker's until whoever took it says that it is done."""
