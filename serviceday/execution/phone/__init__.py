"""A round on a phone: the link to it, what the phone gets, what it sends, and the page itself."""
