"""Information in nats: bounds on I(X;Z) from an encoder's posteriors, and the exact quantities that they rest on."""
