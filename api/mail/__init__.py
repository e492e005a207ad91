"""Mail: a message is made once, kept, and handed to the mail server once."""
