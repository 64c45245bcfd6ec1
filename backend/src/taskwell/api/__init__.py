"""HTTP: from the request to one service call, and from its result to the response."""
